import { type Kysely, sql } from "kysely";

/** What became of each change that was asked for. A process that knows nothing of it records what was done, as before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `alter table audit
        add column outcome text not null default 'done' check (outcome in ('done', 'refused', 'failed')),
        add column error_code text,
        add column times integer not null default 1,
        add check ((outcome = 'done') = (error_code is null))`,
    )
    .execute(db);
}
