import { SchedulerError } from "@org/scheduler-contract";
import { fromPublicId, type IdPrefix, toPublicId } from "./ids.ts";

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

/** Cuts rows, one more than `limit` where there are more, into a page. */
export function toPage<Row extends { id: string }, View>(
  rows: Row[],
  { limit, prefix, view }: { limit: number; prefix: IdPrefix; view: (row: Row) => View },
): { data: View[]; next_cursor: string | null; has_more: boolean } {
  const shown = rows.slice(0, limit);
  const more = rows.length > limit;
  return {
    data: shown.map(view),
    next_cursor: more ? toPublicId(prefix, shown.at(-1)!.id) : null,
    has_more: more,
  };
}
