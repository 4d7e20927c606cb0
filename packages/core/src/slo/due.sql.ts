import { type Session, statement } from "../database/statement.ts";

const count = statement<object, { count: number; oldestSeconds: number }>(
  "due",
  `select count(*)::integer as count,
    coalesce(extract(epoch from :now - min(due_at)), 0)::double precision as "oldestSeconds"
  from (
    (select next_run_at as due_at from jobs where repeats and next_run_at <= :now order by next_run_at limit 10000)
    union all
    (select next_run_at from jobs where not repeats and next_run_at <= :now order by next_run_at limit 10000)
    union all
    (select due_at from executions where due_at <= :now and not queued order by due_at limit 10000)
  ) due`,
);

/** What is due and not planned yet, counted up to 10,000 of a kind, and how long the oldest of it waits. */
export async function countDue(session: Session): Promise<{ count: number; oldestSeconds: number }> {
  const [counted] = await count(session, {});
  return counted!;
}
