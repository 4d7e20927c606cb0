import { SchedulerError } from "@org/scheduler-contract";
import { fromPublicId, type IdPrefix, toPublicId } from "../ids.ts";

/** Reads a cursor: the id of the last row of the page before. Throws `invalid_cursor`. */
export function readCursor(prefix: IdPrefix, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const id = fromPublicId(prefix, cursor);
  if (id !== undefined) return id;
  throw new SchedulerError("invalid_cursor", `"${cursor.slice(0, 60)}" is not a cursor of this list.`, {
    field: "cursor",
    hint: "Use next_cursor of the page before as it is, or leave cursor out to start over.",
  });
}

interface PageOptions<Row, View> {
  limit: number;
  prefix: IdPrefix;
  view: (row: Row) => View;
  /** Up to where was looked, where there may be more rows behind it. */
  lookedTo?: string;
}

/**
 * Cuts rows, one more than `limit` where there are more, into a page. A row that is beyond what a page may weigh ends it
 * before its limit.
 */
export function toPage<Row extends { id: string; is_beyond?: boolean }, View>(
  rows: Row[],
  { limit, prefix, view, lookedTo }: PageOptions<Row, View>,
): { data: View[]; next_cursor: string | null; has_more: boolean } {
  const end = rows.findIndex(({ is_beyond }, index) => is_beyond || index === limit);
  const more = end !== -1;
  const shown = more ? rows.slice(0, end) : rows;
  const last = more ? shown.at(-1)!.id : lookedTo;
  return {
    data: shown.map(view),
    next_cursor: last === undefined ? null : toPublicId(prefix, last),
    has_more: last !== undefined,
  };
}
