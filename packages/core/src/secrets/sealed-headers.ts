import { SchedulerError } from "@org/scheduler-contract";
import { type Cipher, DecryptionError } from "../encryption/cipher.ts";
import { noKey } from "../encryption/no-key.ts";
import { mask } from "../encryption/mask.ts";
import { isClear, masked } from "./sensitive.ts";

type Headers = Record<string, string>;

/** A job's headers as they are stored: what is not to be seen is a mask, and lies encrypted beside it. */
export interface StoredHeaders {
  headers: Headers;
  sealed_headers: Buffer | null;
}

/** Whose sealed headers are: all revisions of a job have the same, as long as nobody changes them. */
export function ownerOfHeaders(scopeId: number, jobId: string): string {
  return `headers/${scopeId}/${jobId}`;
}

interface Owner {
  scope_id: number;
  id: string;
}

/**
 * Seals what of `headers` is not to be seen. A mask in the place of a value means what is stored in `before`; where nothing
 * changes, what is sealed stays as it is. Throws `invalid_input` for a mask without a value, `conflict` without a cipher.
 */
export function sealHeaders(
  headers: Headers,
  before: StoredHeaders | undefined,
  { owner, cipher }: { owner: Owner; cipher: Cipher | undefined },
): StoredHeaders {
  const entries = Object.entries(headers);
  const clear = entries.filter(([name, value]) => isClear(name, value));
  const kept = entries.filter(([, value]) => value === mask).map(([name]) => name);
  if (clear.length === 0 && kept.length === 0) return { headers, sealed_headers: null };
  const stays = clear.length === 0 && isSameSet(kept, before && sealedNames(before));
  if (stays) return { headers, sealed_headers: before!.sealed_headers };
  if (!cipher) throw noKey("A header that carries a credential");
  const stored = kept.length > 0 || before?.sealed_headers ? openStored(before, owner, cipher) : {};
  const found = kept.map((name) => [name, valueOf(stored, name)] as const);
  const sealed = Object.fromEntries([...found, ...clear]);
  if (isSame(sealed, stored)) return { headers: masked(headers), sealed_headers: before!.sealed_headers };
  const text = JSON.stringify(sealed);
  return {
    headers: masked(headers),
    sealed_headers: cipher.seal(text, ownerOfHeaders(owner.scope_id, owner.id)),
  };
}

/** Seals what of headers was stored in clear. */
export function sealClear(headers: Headers, sealing: { owner: Owner; cipher: Cipher }): StoredHeaders {
  return sealHeaders(headers, undefined, sealing);
}

/** The headers that were sealed, by their names. Throws DecryptionError. */
export function openHeaders(sealed: Buffer, owner: Owner, cipher: Cipher | undefined): Headers {
  if (!cipher)
    throw new DecryptionError("There are encrypted headers here, and no encryption key to read them.");
  return JSON.parse(cipher.open(sealed, ownerOfHeaders(owner.scope_id, owner.id))) as Headers;
}

/** What was stored in clear by an older version counts too. */
function openStored(before: StoredHeaders | undefined, owner: Owner, cipher: Cipher): Headers {
  if (!before) return {};
  const old = Object.entries(before.headers).filter(([name, value]) => isClear(name, value));
  const sealed = before.sealed_headers;
  try {
    return { ...Object.fromEntries(old), ...(sealed ? openHeaders(sealed, owner, cipher) : {}) };
  } catch (error) {
    throw new SchedulerError("conflict", "The job's masked headers cannot be read any more.", {
      field: "headers",
      hint: "Give each of them anew, or give SCHEDULER_ENCRYPTION_KEY_PREVIOUS the key that they were encrypted with.",
      cause: error,
    });
  }
}

function valueOf(stored: Headers, name: string): string {
  const found = Object.entries(stored).find(([other]) => other.toLowerCase() === name.toLowerCase());
  if (found) return found[1];
  throw new SchedulerError("invalid_input", `"headers.${name}" is masked, and nothing is stored for it.`, {
    field: `headers.${name}`,
    hint: `Give its value, best as a secret: create_secret, then {"${name}": "Bearer secret://name"}.`,
  });
}

function sealedNames({ headers }: StoredHeaders): string[] {
  return Object.keys(headers).filter((name) => headers[name] === mask);
}

function isSameSet(names: string[], others: string[] | undefined): boolean {
  return names.length === others?.length && names.every((name) => others.includes(name));
}

function isSame(one: Headers, other: Headers): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && one[name] === other[name])
  );
}
