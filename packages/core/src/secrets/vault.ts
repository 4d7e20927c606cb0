import { type Cipher, DecryptionError } from "../encryption/cipher.ts";
import type { Db } from "../database/tables.ts";
import type { AtVersion } from "../versioned.ts";
import { type Hidden, hide } from "./hidden.ts";
import { findSealedSecrets } from "./secrets.sql.ts";

/** A secret as it is sent, with all that its value may look like where a target echoes it. */
interface OpenSecret {
  value: string;
  hidden: Hidden;
}

/** The secrets of a scope. */
export interface Vault {
  /** Undefined where there is none of that name. Throws DecryptionError. */
  find(name: string): OpenSecret | undefined;
}

export const emptyVault: Vault = { find: () => undefined };

/** Whose a sealed secret is. */
export function ownerOfSecret(scopeId: number, name: string): string {
  return `secret/${scopeId}/${name}`;
}

/** Each secret is opened when it is first sent, and stays open. */
export async function loadVault(
  db: Db,
  cipher: Cipher | undefined,
  scopeId: number,
): Promise<AtVersion<Vault>> {
  const { version, secrets } = await findSealedSecrets(db, scopeId);
  const sealed = new Map(secrets.map((secret) => [secret.name, secret.sealed]));
  const open = new Map<string, OpenSecret>();
  const find = (name: string): OpenSecret | undefined => {
    const known = open.get(name);
    if (known) return known;
    const found = sealed.get(name);
    if (!found) return undefined;
    if (!cipher) throw new DecryptionError("There are secrets here, and no encryption key to read them.");
    const value = cipher.open(found, ownerOfSecret(scopeId, name));
    const secret = { value, hidden: hide(name, value) };
    open.set(name, secret);
    return secret;
  };
  return { version, held: { find } };
}
