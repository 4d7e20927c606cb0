import type { Channel } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import type { ChannelRow } from "./channels.sql.ts";

/** A stored channel as callers see it. */
export function toChannel(row: ChannelRow): Channel {
  return {
    id: toPublicId("chan", row.id),
    name: row.name,
    type: row.type,
    muted_until: row.muted_until?.toISOString() ?? null,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    disabled_reason: row.disabled_reason,
    untold: row.untold,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
