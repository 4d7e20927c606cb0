import { type Kysely, sql } from "kysely";

/** Intervals count from an instant that stays: of those that are under way, from the slot that is next, without its jitter. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table jobs drop constraint jobs_check2,
      add constraint jobs_check2 check (kind not in ('one_time', 'scheduled') or run_at is not null)`.execute(
    db,
  );
  await sql`
    update jobs set run_at = coalesce(
      next_run_at - interval '1 millisecond'
        * case when jitter_seconds is null then 0
          else ('x' || right(id::text, 12))::bit(48)::bigint % (jitter_seconds * 1000 + 1) end,
      created_at)
    where kind = 'recurring' and run_at is null`.execute(db);
}
