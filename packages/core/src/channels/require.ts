import type { Makers } from "../database/page.ts";
import type { Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { type ChannelRow, lockChannel } from "./channels.sql.ts";

/** The channel behind a caller's id; nobody else changes it until the transaction ends. Throws `not_found`. */
export async function requireChannel(
  tx: Tx,
  of: Makers,
  given: string,
  field = "channel_id",
): Promise<ChannelRow> {
  const id = fromPublicId("chan", given);
  const channel = id === undefined ? undefined : await lockChannel(tx, of, id);
  if (channel) return channel;
  throw noSuch("channel", given, { prefix: "chan", field, shown: "list_channels shows yours" });
}
