import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

/** Encrypts what has to be read again, with AES-256-GCM. */
export interface Cipher {
  /** What every text begins with that the current key seals. */
  keyId: Buffer;
  /** `owner` says whose it is: a sealed text that is moved to another owner cannot be opened there. */
  seal(text: string, owner: string): Buffer;
  /** Throws DecryptionError. */
  open(sealed: Buffer, owner: string): string;
}

/** Something was sealed with a key that is not here, for another owner, or was changed. Tells nothing of its content. */
export class DecryptionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DecryptionError";
  }
}

const algorithm = "aes-256-gcm";
const bytes = { keyId: 4, nonce: 12, tag: 16 };

interface Key {
  id: Buffer;
  secret: KeyObject;
}

/** Seals with `key`; opens what was sealed with either. Both have 32 bytes. Throws RangeError for other lengths. */
export function createCipher(key: Uint8Array, previousKey?: Uint8Array): Cipher {
  const current = toKey(key);
  const keys = previousKey === undefined ? [current] : [current, toKey(previousKey)];
  return {
    keyId: current.id,
    seal(text, owner) {
      const nonce = randomBytes(bytes.nonce);
      const cipher = createCipheriv(algorithm, current.secret, nonce).setAAD(Buffer.from(owner));
      const content = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([current.id, nonce, cipher.getAuthTag(), content]);
    },
    open(sealed, owner) {
      const [id, nonce, tag, content] = split(sealed, [bytes.keyId, bytes.nonce, bytes.tag]);
      const key = keys.find((known) => known.id.equals(id!));
      if (!key) {
        throw new DecryptionError(
          `It was encrypted with another key (id ${id!.toString("hex")}): give that as SCHEDULER_ENCRYPTION_KEY_PREVIOUS.`,
        );
      }
      try {
        const decipher = createDecipheriv(algorithm, key.secret, nonce!, { authTagLength: bytes.tag });
        decipher.setAAD(Buffer.from(owner)).setAuthTag(tag!);
        return decipher.update(content!, undefined, "utf8") + decipher.final("utf8");
      } catch {
        throw new DecryptionError("What is stored was changed, or belongs to somebody else.");
      }
    },
  };
}

/** The id tells keys apart, and nothing about them. */
function toKey(secret: Uint8Array): Key {
  if (secret.length !== 32) throw new RangeError("An encryption key has 32 bytes.");
  return {
    id: createHash("sha256").update(secret).digest().subarray(0, bytes.keyId),
    secret: createSecretKey(secret),
  };
}

function split(from: Buffer, lengths: number[]): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const length of lengths) parts.push(from.subarray(at, (at += length)));
  return [...parts, from.subarray(at)];
}
