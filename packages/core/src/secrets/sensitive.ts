import { mask } from "../encryption/mask.ts";
import { reference } from "./reference.ts";

type Headers = Record<string, string>;

/** Words in the names of headers that carry credentials. */
const words =
  "authorization|authentication|auth|cookie|bearer|token|secret|password|passwd|passphrase|credential|session|sid|jwt|signature|((api|app|access|secret|private|signing|subscription|account|master|function|functions)-?key)";
const sensitiveName = new RegExp(`(^|[-_.])(${words})s?([-_.]|$)`, "i");
const compound = /(apikey|authtoken|accesskey|accesstoken|secretkey|clientsecret|sessionid|password)/i;

/** What has such a word in its name, and is none. */
const harmless = /^(accept-.*|content-.*)$/i;

/** Whether a header of this name carries a credential, as far as a name can tell. */
function isSensitive(name: string): boolean {
  return !harmless.test(name) && (sensitiveName.test(name) || compound.test(name));
}

/** A reference, with the name of a cookie or a field before it. */
const named = new RegExp(`([\\w.-]+=)?"?${reference}"?`, "g");
const scheme = /^\s*[A-Za-z][\w-]*(?=\s|$)/;

/** Whether a value is all references, but for what says what they are. */
function refersOnly(value: string): boolean {
  const rest = value.replace(named, "");
  return rest !== value && /^[\s;,:]*$/.test(rest.replace(scheme, ""));
}

/** Whether a header was given in clear that should not be seen. */
export function isClear(name: string, value: string): boolean {
  return value !== mask && isSensitive(name) && !refersOnly(value);
}

/** Headers as everybody may see them. */
export function masked(headers: Headers): Headers {
  if (!Object.keys(headers).some(isSensitive)) return headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isClear(name, value) ? mask : value]),
  );
}
