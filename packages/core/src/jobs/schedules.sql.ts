import { sql } from "kysely";
import type { Tx } from "../database/tables.ts";
import { newIds } from "../ids.ts";
import { requestColumns } from "./jobs.sql.ts";

/** An agent, by what its jobs know of it. */
interface Addressee {
  scope_id: number;
  name: string;
  url: string;
}

/** The schedules of an agent, oldest first. */
export async function findScheduleIds(
  tx: Tx,
  { scope_id, name }: Pick<Addressee, "scope_id" | "name">,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from jobs
    where scope_id = ${scope_id} and agent = ${name} and message is not null and deleted_at is null
    order by id`.execute(tx);
  return rows.map(({ id }) => id);
}

const kept = requestColumns.filter((column) => column !== "url");

/** Lets the schedules of an agent go to another URL from now on, each by a new revision of its request. */
export async function readdress(tx: Tx, agent: Addressee, now: Date): Promise<void> {
  const jobs = await findScheduleIds(tx, agent);
  if (jobs.length === 0) return;
  const columns = sql.raw(kept.map((column) => `r.${column}`).join(", "));
  const { host } = new URL(agent.url);
  await sql`
    with made as (
      insert into revisions (id, scope_id, job_id, host, url, ${sql.raw(kept.join(", "))})
      select n.id, j.scope_id, j.id, ${host}, ${agent.url}, ${columns}
      from unnest(${jobs}::uuid[], ${newIds(now, jobs.length)}::uuid[]) as n(job_id, id)
      join jobs j on j.id = n.job_id join revisions r on r.id = j.revision_id
      returning id, job_id
    )
    update jobs j set revision_id = made.id, host = ${host}, updated_at = ${now}
    from made where j.id = made.job_id`.execute(tx);
}

/** Gives the jobs that an agent's keys made to the workspace. Answers how many. */
export async function freeJobsOf(
  tx: Tx,
  { scope_id, name }: Pick<Addressee, "scope_id" | "name">,
  now: Date,
): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable("jobs")
    .set({ agent: null, updated_at: now })
    .where("scope_id", "=", scope_id)
    .where("agent", "=", name)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}
