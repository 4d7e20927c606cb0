/**
 * The statement, to stand as a CTE in the one that ends executions that waited, that tells their jobs: their last
 * status, and their end where nothing is left to come. `ended` names a relation with job_id, trigger and status.
 */
export function tellJobs(ended: string): string {
  // To wait for a job with its executions locked could be a deadlock. One that somebody holds misses its last status, and
  // the reconciler ends it where it is over.
  return `update scheduler.jobs j
    set last_status = e.status, consecutive_failures = j.consecutive_failures + e.failures,
      state = case when j.state = 'active' and j.next_run_at is null and e.slot_over then 'completed' else j.state end
    from (
      select job_id, min(status) as status, bool_or(trigger = 'schedule') as slot_over,
        (count(*) filter (where status = 'expired'))::integer as failures
      from ${ended} where trigger <> 'replay' group by job_id
    ) e
    where j.id = e.job_id and j.id = any(array(
      select id from scheduler.jobs where id = any(array(select job_id from ${ended})) for update skip locked))`;
}

/**
 * The statement, to stand as a CTE in the one that ends executions that waited, that lets the originals of what a
 * canceled replay has not sent be replayed again. `ended` names a relation with reason, replay_of and created_at.
 */
export function giveBack(ended: string): string {
  // Not where somebody has replayed the original once more since.
  return `update scheduler.executions o set replayed_at = null
    from ${ended} r where r.reason = 'replay_canceled' and o.id = r.replay_of and o.replayed_at = r.created_at`;
}
