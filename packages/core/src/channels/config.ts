import type { ChannelType } from "@org/scheduler-contract";
import { type Cipher, DecryptionError } from "../encryption/cipher.ts";

/** How a channel is reached. */
export interface ChannelConfig {
  url?: string;
  email?: string;
  secret?: string;
  bot_token?: string;
  chat_id?: string;
}

export const configFields = [
  "url",
  "email",
  "secret",
  "bot_token",
  "chat_id",
] as const satisfies (keyof ChannelConfig)[];
export type ConfigField = (typeof configFields)[number];

/** Which fields each type needs, and which it may have. */
export const fieldsOf: Record<ChannelType, { needs: ConfigField[]; may?: ConfigField[] }> = {
  webhook: { needs: ["url"], may: ["secret"] },
  email: { needs: ["email"] },
  slack: { needs: ["url"] },
  discord: { needs: ["url"] },
  // A server of the Bot API of one's own, where it is not Telegram's.
  telegram: { needs: ["bot_token", "chat_id"], may: ["url"] },
};

export function ownerOfChannel(scopeId: number, id: string): string {
  return `channel/${scopeId}/${id}`;
}

interface Owner {
  scope_id: number;
  id: string;
}

export function sealConfig(config: ChannelConfig, { scope_id, id }: Owner, cipher: Cipher): Buffer {
  return cipher.seal(JSON.stringify(config), ownerOfChannel(scope_id, id));
}

/** Throws DecryptionError. */
export function openConfig(
  { scope_id, id, sealed }: Owner & { sealed: Buffer },
  cipher: Cipher | undefined,
): ChannelConfig {
  if (!cipher) throw new DecryptionError("There are channels here, and no encryption key to read them.");
  return JSON.parse(cipher.open(sealed, ownerOfChannel(scope_id, id))) as ChannelConfig;
}
