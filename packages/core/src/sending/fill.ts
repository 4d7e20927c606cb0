import { reference } from "../secrets/reference.ts";
import type { Hidden } from "../secrets/hidden.ts";
import type { Vault } from "../secrets/vault.ts";
import { template, type Templates } from "./templates.ts";

/** What is stored of a request. */
interface Stored {
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

export interface Filled extends Stored {
  /** What must not be seen of it. */
  hidden: Hidden[];
}

/** A secret that a request needs cannot be sent. Tells nothing of its value. */
export class SecretError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SecretError";
  }
}

const placeholders = new RegExp(`${reference}|${template}`, "g");
const templatesAlone = new RegExp(`(?!)()|${template}`, "g");

type Escape = (value: string) => string;

/**
 * Puts secrets, and `templates` where a request has any, in their places: all of it in one look, so that what stands in a
 * secret is never read. Throws SecretError.
 */
export function fill(stored: Stored, vault: Vault, templates: Templates | undefined): Filled {
  const hidden = new Map<string, Hidden>();
  const put = (text: string, escape: Escape, { isJson = false, which = placeholders } = {}): string => {
    if (!text.includes("secret:") && !text.includes("{{")) return text;
    return text.replace(which, (found, secret?: string, backslashes?: string, name?: string) => {
      if (secret !== undefined) return escape(valueOf(secret));
      if (!templates) return found;
      const value = templates[name as keyof Templates];
      if (backslashes === undefined) return value;
      const isWhole = !isJson && backslashes.length === 2;
      return isWhole ? `\\{{${name}}}` : `{{${name}}}`;
    });
  };
  const valueOf = (name: string): string => {
    const secret = open(vault, name);
    hidden.set(name, secret.hidden);
    return secret.value;
  };
  const type = contentType(stored.headers);
  const isJson = /[/+]json\b/i.test(type);
  return {
    // It is shown and logged: no secret is put there.
    url: put(stored.url, asIs, { which: templatesAlone }),
    headers: Object.fromEntries(
      Object.entries(stored.headers).map(([name, value]) => [
        name,
        headerValue(name, put(value, asIs), value),
      ]),
    ),
    body: stored.body === null ? null : put(stored.body, escapeFor(type, isJson), { isJson }),
    hidden: [...hidden.values()],
  };
}

const asIs: Escape = (value) => value;

function escapeFor(type: string, isJson: boolean): Escape {
  if (isJson) return (value) => JSON.stringify(value).slice(1, -1);
  return /^application\/x-www-form-urlencoded\b/i.test(type) ? encodeURIComponent : asIs;
}

function contentType(headers: Stored["headers"]): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
}

function open(vault: Vault, name: string): { value: string; hidden: Hidden } {
  let secret;
  try {
    secret = vault.find(name);
  } catch (error) {
    throw new SecretError(`The secret ${name} cannot be read: ${(error as Error).message}`);
  }
  if (secret) return secret;
  throw new SecretError(
    `There is no secret ${name}; nothing was sent. Make it: create_secret {"name": "${name}", "value": …}.`,
  );
}

/** A line break in a header would begin another one. */
function headerValue(name: string, filled: string, stored: string): string {
  if (filled === stored) return filled;
  const value = filled.trim();
  // oxlint-disable-next-line no-control-regex -- those are looked for
  if (!/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return asBytes(value);
  throw new SecretError(
    `A secret in the header ${name} has a line break or a control character; nothing was sent.`,
  );
}

/** Headers are bytes, and what is beyond Latin-1 is read as UTF-8 nearly everywhere. */
function asBytes(value: string): string {
  return /[\u0100-\uffff]/.test(value) ? Buffer.from(value).toString("latin1") : value;
}
