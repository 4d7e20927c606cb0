import { sql } from "kysely";
import type { Db } from "../database/tables.ts";
import type { OpenCircuit } from "./circuits.ts";

/** Tells people which hosts a worker holds requests back from, all of them at once. */
export async function publishCircuits(db: Db, workerId: string, circuits: OpenCircuit[]): Promise<void> {
  await sql`
    with input as (
      select x.* from json_to_recordset(${JSON.stringify(circuits)}::json) as x(
        scope_id integer, host text, opened_at timestamptz, probe_at timestamptz, failures integer)
      join scopes s on s.id = x.scope_id
    ), closed as (
      delete from open_circuits o
      where o.worker_id = ${workerId}::uuid
        and not exists (select 1 from input i where i.scope_id = o.scope_id and i.host = o.host)
    )
    insert into open_circuits as o (scope_id, host, worker_id, opened_at, probe_at, failures)
    select scope_id, host, ${workerId}::uuid, opened_at, probe_at, failures from input
    on conflict (scope_id, host, worker_id) do update
    set opened_at = excluded.opened_at, probe_at = excluded.probe_at, failures = excluded.failures
    where o.failures <> excluded.failures or o.probe_at <> excluded.probe_at`.execute(db);
}
