import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Engine } from "../engine/engine.ts";
import { reconcile, startReconciling } from "../engine/reconcile.ts";

/** Takes every worker for lost in whose name anything runs, and lets another take back what they held. */
export async function takeBackAll(engine: Engine): Promise<void> {
  await sql`
    insert into scheduler.workers (id, host, pid, slots, heartbeat_at)
    select distinct worker_id, 'host', 1, 1, '-infinity'::timestamptz from scheduler.executions
    where worker_id is not null
    on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`.execute(engine.database.db);
  const state = startReconciling({ workerId: randomUUID() });
  while ((await reconcile(engine, state)) === 0);
}
