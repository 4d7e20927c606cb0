import { newId } from "../ids.ts";
import type { JobRow, RequestColumn, Revision } from "./jobs.sql.ts";
import { requestColumns } from "./jobs.sql.ts";

/** A job's row, or a part of one, as the two tables store it. */
export function splitRow<Row extends Partial<JobRow>>(
  row: Row,
): { columns: Omit<Row, RequestColumn>; request: Pick<Row, RequestColumn & keyof Row> } {
  const entries = Object.entries(row);
  const isRequest = ([name]: [string, unknown]) => requestColumns.some((column) => column === name);
  return {
    columns: Object.fromEntries(entries.filter((entry) => !isRequest(entry))) as Omit<Row, RequestColumn>,
    request: Object.fromEntries(entries.filter(isRequest)) as Pick<Row, RequestColumn & keyof Row>,
  };
}

/** A new version of what a job sends. */
export function newRevision(
  row: Pick<JobRow, RequestColumn | "scope_id" | "id" | "host">,
  now: Date,
): Revision {
  const { scope_id, id, host } = row;
  return { ...splitRow(row).request, scope_id, id: newId(now), job_id: id, host };
}
