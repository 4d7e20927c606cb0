import { sql } from "kysely";
import type { Db } from "../database/tables.ts";

export interface SloRow {
  executions: number;
  failed: number;
  missed: number;
  duplicates: number;
  /** p50, p95, p99 and the largest, in milliseconds; null without any. */
  lateness: number[] | null;
}

/** Reads the stretch of history between two ids, nothing else. */
export async function measureSlo(
  db: Db,
  scopeId: number,
  { fromId, toId }: { fromId: string; toId: string },
): Promise<SloRow> {
  const { rows } = await sql<SloRow>`
    select count(*) filter (where status <> 'skipped')::integer as executions,
      count(*) filter (where status = 'failed')::integer as failed,
      count(*) filter (where status = 'skipped' and reason = 'missed')::integer as missed,
      count(*) filter (where interruptions > 0)::integer as duplicates,
      percentile_disc(array[0.5, 0.95, 0.99, 1]) within group (order by late) filter (where late is not null) as lateness
    from (
      select status, reason, interruptions,
        case when trigger = 'schedule'
          then (extract(epoch from started_at - scheduled_for) * 1000)::double precision end as late
      from executions
      where scope_id = ${scopeId} and id >= ${fromId}::uuid and id < ${toId}::uuid
    ) e`.execute(db);
  return rows[0]!;
}
