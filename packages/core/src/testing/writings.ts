const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const hexOf = (text: string, digits = 0): string[] =>
  text.split("").map((character) => character.charCodeAt(0).toString(16).padStart(digits, "0"));
const bytesOf = (text: string): string[] =>
  [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, "0"));
const named: Record<string, string> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };
const html = (text: string): string => text.replace(/[&<>"']/g, (character) => `&${named[character]};`);
const upper = (hex: string): string => hex.toUpperCase();
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The ways in which a target may write a value that it was sent. */
export const writings: Record<string, (value: string) => string> = {
  plain: (value) => value,
  base64,
  base64url: (value) => Buffer.from(value).toString("base64url"),
  "base64 of user:value": (value) => base64(`user:${value}`),
  "base64 of a:value": (value) => base64(`a:${value}`),
  "base64 of ab:value": (value) => base64(`ab:${value}`),
  "URL-escaped": encodeURIComponent,
  "URL-escaped in lower case": (value) =>
    encodeURIComponent(value).replace(/%../g, (hex) => hex.toLowerCase()),
  "URL-escaped, each byte": (value) =>
    bytesOf(value)
      .map((hex) => `%${upper(hex)}`)
      .join(""),
  "URL-escaped, each byte in lower case": (value) =>
    bytesOf(value)
      .map((hex) => `%${hex}`)
      .join(""),
  "as a form": (value) => new URLSearchParams({ a: value }).toString().slice(2),
  "JSON-escaped": json,
  "JSON-escaped with slashes": (value) => json(value).replaceAll("/", "\\/"),
  "JSON-escaped as code units": (value) =>
    hexOf(value, 4)
      .map((hex) => `\\u${hex}`)
      .join(""),
  "JSON-escaped in upper case": (value) =>
    hexOf(value, 4)
      .map((hex) => `\\u${upper(hex)}`)
      .join(""),
  "JSON in JSON": (value) => json(json(value)),
  "HTML-escaped": html,
  "HTML-escaped by name in upper case": (value) =>
    html(value).replaceAll("&amp;", "&AMP;").replaceAll("&lt;", "&LT;"),
  "HTML-escaped in decimals": (value) =>
    hexOf(value)
      .map((hex) => `&#${parseInt(hex, 16)};`)
      .join(""),
  "HTML-escaped in hex": (value) =>
    hexOf(value)
      .map((hex) => `&#x${hex};`)
      .join(""),
  "HTML-escaped in upper hex": (value) =>
    hexOf(value)
      .map((hex) => `&#X${upper(hex)};`)
      .join(""),
  "base64, URL-escaped": (value) => encodeURIComponent(base64(`user:${value}`)),
  "URL-escaped twice": (value) => encodeURIComponent(encodeURIComponent(value)),
};
