import { sql } from "kysely";
import { lostAfterMs } from "../database/lost.ts";
import type { Db } from "../database/tables.ts";

/** A host that does not answer, as the workers know it. */
export interface HeldBackHost {
  failures: number;
  probe_at: Date;
}

/** Whether requests of a scope to a host are held back now; a worker that was lost holds back nothing any more. */
export async function findOpenCircuit(
  db: Db,
  { scopeId, host }: { scopeId: number; host: string },
): Promise<HeldBackHost | null> {
  const { rows } = await sql<HeldBackHost>`
    select o.failures, o.probe_at
    from open_circuits o join workers w on w.id = o.worker_id
    where o.scope_id = ${scopeId} and o.host = ${host} and w.heartbeat_at > now() - ${lostAfterMs}::double precision * interval '1 millisecond'
    order by o.failures desc limit 1`.execute(db);
  return rows[0] ?? null;
}
