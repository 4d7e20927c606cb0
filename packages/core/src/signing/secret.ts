import { randomBytes } from "node:crypto";
import { DecryptionError, type Cipher } from "../encryption/cipher.ts";
import type { Db } from "../database/tables.ts";
import type { AtVersion } from "../versioned.ts";
import { findSealedKeys } from "./signing.sql.ts";

const prefix = "whsec_";

/** A new signing secret; its HMAC key is what the base64 after the prefix decodes to. */
export function generateSecret(): string {
  return prefix + randomBytes(32).toString("base64");
}

/** Whose a sealed signing secret is. */
export function ownerOf(scopeId: number, id: string): string {
  return `signing_secret/${scopeId}/${id}`;
}

/** What a scope signs with. Throws DecryptionError where a secret of it cannot be read. */
export async function loadKeys(
  db: Db,
  cipher: Cipher | undefined,
  scopeId: number,
): Promise<AtVersion<Buffer[]>> {
  const { version, secrets } = await findSealedKeys(db, scopeId);
  const keys = secrets.map(({ id, sealed }) => {
    if (!cipher)
      throw new DecryptionError("There are signing secrets here, and no encryption key to read them.");
    return Buffer.from(cipher.open(sealed, ownerOf(scopeId, id)).slice(prefix.length), "base64");
  });
  return { version, held: keys };
}
