/** What a field looks like, for hints. A field of this name looks the same in every operation. */
const examples: Record<string, string> = {
  agent: '"researcher"',
  body: '"text", or an object that is sent as JSON',
  cron: '"0 9 * * *"',
  cursor: "next_cursor of the page before",
  email: '"you@example.com"',
  end_at: '"2030-01-01T00:00:00Z"',
  every_n_minutes: "15",
  execution_id: '"exec_01h455vb4pex5vsknk084sn02q"; list_executions shows them',
  expires_at: '"2030-01-01T00:00:00Z"',
  from: '"2026-07-01T09:00:00Z"',
  headers: '{"Authorization": "Bearer TOKEN"}',
  job_id: '"job_01h455vb4pex5vsknk084sn02q"; list_jobs shows them',
  limit: "20, from 1 to 100",
  metadata: '{"team": "billing"}',
  name: '"nightly report"',
  retry: '{"max_attempts": 5, "base_seconds": 10}',
  run_at: '"2026-07-01T09:00:00Z"',
  start_at: '"2026-07-01T09:00:00Z"',
  success_statuses: '["2xx", 304]',
  timeout_seconds: "30, from 1 to 300",
  timezone: '"Europe/Berlin"',
  to: '"2026-07-01T09:00:00Z"',
  token_id: '"tok_01h455vb4pex5vsknk084sn02q"; GET /v1/tokens shows them',
  url: '"https://api.example.com/sync"',
  wait_seconds: "30, from 0 to 60",
  when: '"in 2h", "2026-07-01 09:00" or "0 9 * * *"',
  window_seconds: "3600, from 60 to 86400",
};

export function exampleOf(field: string): string | undefined {
  return Object.hasOwn(examples, field) ? examples[field] : undefined;
}
