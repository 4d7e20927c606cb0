/** An instant to copy: the next 09:00 UTC that is at least some hours away. */
export function exampleInstant(now: Date = new Date()): string {
  const at = new Date(now.getTime() + 12 * 3_600_000);
  return `${new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1, 9)).toISOString().slice(0, 19)}Z`;
}

/** The same as a time on the wall. */
export function exampleLocal(now: Date = new Date()): string {
  return exampleInstant(now).slice(0, 16).replace("T", " ");
}

/** Fields that take an instant. */
const instants = ["from", "to", "run_at", "start_at", "muted_until"];

/** What a field looks like, for hints. A field of this name looks the same in every operation. */
const examples: Record<string, string> = {
  agent: '"researcher"',
  alert_channel_id: '"chan_01h455vb4pex5vsknk084sn02q"; list_channels (GET /v1/channels) shows them',
  alert_threshold: "3, from 1 to 100",
  all: "true",
  assertions: '[{"type": "body_contains", "value": "ok"}]',
  bot_token: '"123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-cW", as BotFather gave it',
  body: '"text", or an object that is sent as JSON',
  callback_url: '"https://api.example.com/done"',
  catch_up: '"latest", "skip" or "all"',
  catch_up_max_runs: "100, from 1 to 1000",
  catch_up_window_seconds: "86400",
  channel_id: '"chan_01h455vb4pex5vsknk084sn02q"; list_channels (GET /v1/channels) shows them',
  chat_id: '"-1001234567890"',
  concurrency: "5, or null for any number",
  cron: '"0 9 * * *"',
  cursor: "next_cursor of the page before",
  delay_seconds: "60, from 0 to 86400",
  delivery_id: '"dlv_01h455vb4pex5vsknk084sn02q"; list_deliveries (GET /v1/deliveries) shows them',
  email: '"you@example.com"',
  end_at: '"2030-01-01T00:00:00Z"',
  error_code: '"timeout"',
  every_n_minutes: "15",
  execution_id: '"exec_01h455vb4pex5vsknk084sn02q"; list_executions shows them',
  execution_ids: '["exec_01h455vb4pex5vsknk084sn02q"]',
  expires_at: '"2030-01-01T00:00:00Z"',
  headers: '{"Authorization": "Bearer TOKEN"}',
  idempotency_key: '"order-1234-reminder", up to 255 printable ASCII characters',
  jitter_seconds: "60, from 1 to 86400",
  job_id: '"job_01h455vb4pex5vsknk084sn02q"; list_jobs shows them',
  key: '"nightly-report"',
  limit: "20",
  metadata: '{"team": "billing"}',
  name: '"nightly-report"',
  overlap: '"allow", "skip", "queue" or "cancel_previous"',
  per_second: "50, from 1 to 1000",
  priority: "10, from -100 to 100",
  queue: '"webhooks"',
  rate_limit: '{"max": 10, "period_seconds": 60}',
  replay_id: '"rpl_01h455vb4pex5vsknk084sn02q"',
  retry: '{"max_attempts": 5, "base_seconds": 10}',
  rule_id: '"rule_01h455vb4pex5vsknk084sn02q"; list_rules (GET /v1/rules) shows them',
  secret_id: '"sec_01h455vb4pex5vsknk084sn02q"; list_secrets (GET /v1/secrets) shows them',
  seconds: "30",
  signing_secret_id: '"sgn_01h455vb4pex5vsknk084sn02q"; GET /v1/signing-secrets shows them',
  success_statuses: '["2xx", 304]',
  threshold: "3, from 1 to 100",
  times: "3: three times the usual duration",
  timeout_seconds: "30, from 1 to 300",
  timezone: '"Europe/Berlin"',
  token_id: '"tok_01h455vb4pex5vsknk084sn02q"; GET /v1/tokens shows them',
  ttl_seconds: "3600",
  url: '"https://api.example.com/sync"',
  wait_seconds: "30, from 0 to 50",
  window_seconds: "3600, from 60 to 86400",
};

export function exampleOf(field: string): string | undefined {
  if (instants.includes(field)) return `"${exampleInstant()}"`;
  if (field === "when") return `"in 2h", "${exampleLocal()}" or "0 9 * * *"`;
  return Object.hasOwn(examples, field) ? examples[field] : undefined;
}
