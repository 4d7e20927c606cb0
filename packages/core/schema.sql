-- Made by: pnpm schema:dump

create table scheduler.agent_permissions (
  scope_id integer not null,
  agent text not null,
  other text not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  constraint agent_permissions_check CHECK ((agent <> other)),
  constraint agent_permissions_pkey PRIMARY KEY (scope_id, agent, other),
  constraint agent_permissions_scope_id_agent_fkey FOREIGN KEY (scope_id, agent) REFERENCES agents(scope_id, name) ON DELETE CASCADE,
  constraint agent_permissions_scope_id_other_fkey FOREIGN KEY (scope_id, other) REFERENCES agents(scope_id, name) ON DELETE CASCADE
);

create table scheduler.agents (
  scope_id integer not null,
  name text not null,
  id uuid not null,
  url text not null,
  description text,
  owner_id uuid,
  shared_with uuid[] not null default '{}'::uuid[],
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint agents_id_key UNIQUE (id),
  constraint agents_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id),
  constraint agents_pkey PRIMARY KEY (scope_id, name),
  constraint agents_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
);

create table scheduler.approvals (
  id uuid not null,
  scope_id integer not null,
  who text not null,
  caller text not null,
  tool text not null,
  operation text not null,
  rule text not null,
  reason text,
  fingerprint bytea not null,
  arguments jsonb not null,
  status text not null,
  comment text,
  decided_by text,
  decided_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  constraint approvals_check CHECK (((status = 'pending'::text) = (decided_at IS NULL))),
  constraint approvals_pkey PRIMARY KEY (id),
  constraint approvals_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint approvals_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'used'::text])))
);

create table scheduler.attempts (
  execution_id uuid not null,
  number integer not null,
  scope_id integer not null,
  status text not null,
  error_code text,
  error text,
  status_code integer,
  started_at timestamp with time zone not null,
  latency_ms double precision not null,
  response_headers json,
  response_body text,
  response_truncated boolean not null,
  response_encoding text,
  redirected_to json,
  constraint attempts_pkey PRIMARY KEY (execution_id, number),
  constraint attempts_status_check CHECK ((status = ANY (ARRAY['succeeded'::text, 'http_error'::text, 'timeout'::text, 'connection_error'::text, 'blocked'::text, 'interrupted'::text, 'canceled'::text])))
);

create table scheduler.audit (
  scope_id integer not null,
  id uuid not null,
  at timestamp with time zone not null,
  caller text not null,
  token_id uuid,
  operation text not null,
  target text,
  outcome text not null default 'done'::text,
  error_code text,
  times integer not null default 1,
  face text,
  tool text,
  rule text,
  arguments_hash bytea,
  request_id text,
  constraint audit_check CHECK (((outcome = 'done'::text) = (error_code IS NULL))),
  constraint audit_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text]))),
  constraint audit_pkey PRIMARY KEY (scope_id, id)
);

create table scheduler.audit_seals (
  number integer not null,
  from_at timestamp with time zone not null,
  to_at timestamp with time zone not null,
  entries integer not null,
  entries_hash bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  sealed_at timestamp with time zone not null,
  is_pruned boolean not null default false,
  constraint audit_seals_check CHECK ((from_at < to_at)),
  constraint audit_seals_pkey PRIMARY KEY (number)
);

create table scheduler.channels (
  id uuid not null,
  scope_id integer not null,
  name text not null,
  type text not null,
  sealed bytea not null,
  muted_until timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_reason text,
  untold integer not null default 0,
  window_began_at timestamp with time zone,
  window_count integer not null default 0,
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint channels_check CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
  constraint channels_pkey PRIMARY KEY (id),
  constraint channels_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
) with (fillfactor=50);

create table scheduler.deleted_keys (
  scope_id integer not null,
  key text not null,
  job_id uuid not null,
  deleted_by text not null,
  deleted_at timestamp with time zone not null,
  constraint deleted_keys_pkey PRIMARY KEY (scope_id, key),
  constraint deleted_keys_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
);

create table scheduler.deliveries (
  id uuid not null,
  scope_id integer not null,
  kind text not null,
  execution_id uuid,
  job_id uuid,
  url text,
  status text not null,
  attempt_count integer not null default 0,
  due_at timestamp with time zone,
  status_code integer,
  error_code text,
  error text,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  channel_id uuid,
  event text,
  about jsonb,
  gathers text,
  is_closed boolean not null default false,
  answer text,
  constraint deliveries_check CHECK (((status = 'pending'::text) = (due_at IS NOT NULL))),
  constraint deliveries_check1 CHECK (((status = 'pending'::text) = (finished_at IS NULL))),
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text]))),
  constraint deliveries_to CHECK (((url IS NULL) = (channel_id IS NOT NULL)))
) with (fillfactor=70);

create table scheduler.endings (
  scope_id integer not null,
  kind text not null,
  id uuid not null,
  reason text not null,
  cursor uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint endings_kind_check CHECK ((kind = ANY (ARRAY['job'::text, 'replay'::text]))),
  constraint endings_pkey PRIMARY KEY (id),
  constraint endings_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
);

create table scheduler.executions (
  id uuid not null,
  scope_id integer not null,
  job_id uuid not null,
  revision_id uuid not null,
  trigger text not null,
  status text not null,
  listed_status text default 
CASE
    WHEN (status = ANY (ARRAY['failed'::text, 'expired'::text, 'canceled'::text, 'skipped'::text])) THEN status
    ELSE NULL::text
END,
  reason text,
  scheduled_for timestamp with time zone not null,
  due_at timestamp with time zone,
  worker_id uuid,
  running_since timestamp with time zone,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  attempt_count integer not null default 0,
  interruptions integer not null default 0,
  cancel_requested_at timestamp with time zone,
  status_code integer,
  error_code text,
  error text,
  replay_of uuid,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  queued boolean not null default false,
  queue text not null default 'default'::text,
  line_at timestamp with time zone,
  replay_id uuid,
  replayed_at timestamp with time zone,
  overrun_told uuid[],
  context_used double precision,
  cost double precision,
  parent_execution_id uuid,
  depth integer,
  constraint executions_check CHECK (((status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'expired'::text, 'canceled'::text, 'skipped'::text])) = (finished_at IS NOT NULL))),
  constraint executions_check1 CHECK (((status = 'running'::text) = (worker_id IS NOT NULL))),
  constraint executions_check2 CHECK (((status = 'running'::text) = (running_since IS NOT NULL))),
  constraint executions_check3 CHECK (((due_at IS NULL) OR (status = ANY (ARRAY['pending'::text, 'retrying'::text])))),
  constraint executions_check4 CHECK (((line_at IS NULL) OR ((due_at IS NULL) AND (status = ANY (ARRAY['pending'::text, 'retrying'::text]))))),
  constraint executions_pkey PRIMARY KEY (id),
  constraint executions_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'retrying'::text, 'succeeded'::text, 'failed'::text, 'expired'::text, 'canceled'::text, 'skipped'::text]))),
  constraint executions_trigger_check CHECK ((trigger = ANY (ARRAY['schedule'::text, 'manual'::text, 'replay'::text, 'api'::text]))),
  constraint executions_waits CHECK (((status <> ALL (ARRAY['pending'::text, 'retrying'::text])) OR (due_at IS NOT NULL) OR (line_at IS NOT NULL))) NOT VALID
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=5000, autovacuum_analyze_scale_factor=0.02);

create table scheduler.idempotency_keys (
  scope_id integer not null,
  key text not null,
  operation text not null,
  fingerprint text not null,
  answer json not null,
  created_at timestamp with time zone not null,
  agent text not null default ''::text,
  constraint idempotency_keys_pkey PRIMARY KEY (scope_id, agent, key),
  constraint idempotency_keys_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
);

create table scheduler.jobs (
  id uuid not null,
  scope_id integer not null,
  number integer not null generated always as identity,
  revision_id uuid not null,
  name text not null,
  description text,
  state text not null,
  kind text not null,
  repeats boolean default (kind = ANY (ARRAY['cron'::text, 'recurring'::text])),
  cron text,
  every_n_minutes integer,
  run_at timestamp with time zone,
  timezone text not null,
  start_at timestamp with time zone,
  end_at timestamp with time zone,
  max_runs integer,
  metadata jsonb not null,
  next_run_at timestamp with time zone,
  run_count integer not null default 0,
  last_run_at timestamp with time zone,
  last_status text,
  consecutive_failures integer not null default 0,
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  deleted_at timestamp with time zone,
  host text not null,
  listed_state text default 
CASE
    WHEN (next_run_at IS NOT NULL) THEN 'active'::text
    WHEN (state = ANY (ARRAY['draft'::text, 'paused'::text, 'canceled'::text])) THEN state
    ELSE NULL::text
END,
  jitter_seconds integer,
  ttl_seconds integer,
  overlap text not null default 'allow'::text,
  catch_up text not null default 'latest'::text,
  catch_up_window_seconds integer not null default 86400,
  catch_up_max_runs integer not null default 100,
  queue text not null default 'default'::text,
  key text,
  declared jsonb,
  deleted_by text,
  is_purged boolean not null default false,
  alert_threshold integer,
  is_alerted boolean not null default false,
  was_alerted boolean not null default false,
  failures_before integer not null default 0,
  failing_since timestamp with time zone,
  usual_ms double precision,
  usual_before double precision,
  muted_until timestamp with time zone,
  agent text,
  message text,
  token_id uuid,
  is_bounded boolean not null default false,
  ends_by_bound boolean not null default false,
  parent_execution_id uuid,
  depth integer not null default 0,
  constraint jobs_alert_threshold_check CHECK (((alert_threshold >= 1) AND (alert_threshold <= 100))),
  constraint jobs_catch_up_check CHECK ((catch_up = ANY (ARRAY['skip'::text, 'latest'::text, 'all'::text]))),
  constraint jobs_catch_up_max_runs_check CHECK ((catch_up_max_runs > 0)),
  constraint jobs_catch_up_window_seconds_check CHECK ((catch_up_window_seconds >= 0)),
  constraint jobs_check CHECK (((kind = 'cron'::text) = (cron IS NOT NULL))),
  constraint jobs_check1 CHECK (((kind = 'recurring'::text) = (every_n_minutes IS NOT NULL))),
  constraint jobs_check2 CHECK (((kind <> ALL (ARRAY['one_time'::text, 'scheduled'::text])) OR (run_at IS NOT NULL))),
  constraint jobs_check3 CHECK (((next_run_at IS NULL) OR ((state = 'active'::text) AND (deleted_at IS NULL)))),
  constraint jobs_every_n_minutes_check CHECK ((every_n_minutes > 0)),
  constraint jobs_jitter_seconds_check CHECK ((jitter_seconds > 0)),
  constraint jobs_kind_check CHECK ((kind = ANY (ARRAY['one_time'::text, 'scheduled'::text, 'cron'::text, 'recurring'::text]))),
  constraint jobs_message CHECK (((message IS NULL) OR (agent IS NOT NULL))),
  constraint jobs_overlap_check CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text, 'queue'::text, 'cancel_previous'::text]))),
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint jobs_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'active'::text, 'paused'::text, 'completed'::text, 'canceled'::text]))),
  constraint jobs_ttl_seconds_check CHECK ((ttl_seconds > 0))
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000, autovacuum_analyze_scale_factor=0.02);

create table scheduler.members (
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null,
  created_at timestamp with time zone not null default now(),
  constraint members_pkey PRIMARY KEY (workspace_id, user_id),
  constraint members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text]))),
  constraint members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id),
  constraint members_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id)
);

create table scheduler.open_circuits (
  scope_id integer not null,
  host text not null,
  worker_id uuid not null,
  opened_at timestamp with time zone not null,
  probe_at timestamp with time zone not null,
  failures integer not null,
  constraint open_circuits_pkey PRIMARY KEY (scope_id, host, worker_id),
  constraint open_circuits_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint open_circuits_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES workers(id) ON DELETE CASCADE
);

create table scheduler.open_executions (
  id uuid not null,
  scope_id integer not null,
  guards_job_id uuid,
  counts_in text,
  constraint open_executions_pkey PRIMARY KEY (id)
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000);

create table scheduler.policies (
  workspace_id uuid not null,
  version integer not null,
  text text not null,
  updated_by text not null,
  updated_at timestamp with time zone not null,
  constraint policies_pkey PRIMARY KEY (workspace_id),
  constraint policies_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id)
);

create table scheduler.policy_counters (
  scope_id integer not null,
  key text not null,
  value double precision not null,
  expires_at timestamp with time zone not null,
  constraint policy_counters_pkey PRIMARY KEY (scope_id, key),
  constraint policy_counters_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
) with (fillfactor=50);

create table scheduler.queue_alerts (
  scope_id integer not null,
  queue text not null,
  failures integer not null default 0,
  failing_since timestamp with time zone,
  is_alerted boolean not null default false,
  constraint queue_alerts_pkey PRIMARY KEY (scope_id, queue),
  constraint queue_alerts_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
) with (fillfactor=50);

create table scheduler.queue_starts (
  scope_id integer not null,
  queue text not null,
  part bigint not null,
  count integer not null,
  last_at timestamp with time zone not null,
  constraint queue_starts_pkey PRIMARY KEY (scope_id, queue, part)
) with (fillfactor=50);

create table scheduler.queues (
  scope_id integer not null,
  name text not null,
  id uuid not null,
  concurrency integer,
  rate_max integer,
  rate_period_seconds integer,
  paused boolean not null default false,
  timeout_seconds integer,
  retry jsonb,
  priority integer not null default 0,
  has_line boolean default ((concurrency IS NOT NULL) OR (rate_max IS NOT NULL) OR paused OR (priority <> 0)),
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  muted_until timestamp with time zone,
  constraint queues_check CHECK (((rate_max IS NULL) = (rate_period_seconds IS NULL))),
  constraint queues_concurrency_check CHECK ((concurrency > 0)),
  constraint queues_id_key UNIQUE (id),
  constraint queues_pkey PRIMARY KEY (scope_id, name),
  constraint queues_rate_max_check CHECK ((rate_max > 0)),
  constraint queues_rate_period_seconds_check CHECK ((rate_period_seconds > 0)),
  constraint queues_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint queues_timeout_seconds_check CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 300)))
) with (fillfactor=50);

create table scheduler.replays (
  scope_id integer not null,
  id uuid not null,
  total integer not null,
  per_second integer not null,
  last_due_at timestamp with time zone,
  created_by text not null,
  created_at timestamp with time zone not null,
  canceled_at timestamp with time zone,
  constraint replays_per_second_check CHECK ((per_second > 0)),
  constraint replays_pkey PRIMARY KEY (id),
  constraint replays_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint replays_total_check CHECK ((total >= 0))
);

create table scheduler.revisions (
  id uuid not null,
  scope_id integer not null,
  job_id uuid not null,
  method text not null,
  url text not null,
  headers jsonb not null,
  body text,
  timeout_seconds integer not null,
  success_statuses jsonb not null,
  retry jsonb not null,
  host text not null,
  inherits_timeout boolean not null default false,
  inherits_retry boolean not null default false,
  assertions jsonb,
  follow_redirects boolean not null default false,
  callback_url text,
  sealed_headers bytea,
  secrets text[],
  fills_templates boolean not null default false,
  for_agent boolean not null default false,
  constraint revisions_pkey PRIMARY KEY (id),
  constraint revisions_timeout_seconds_check CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 300)))
);

create table scheduler.rules (
  id uuid not null,
  scope_id integer not null,
  channel_id uuid not null,
  job_id uuid,
  queue text,
  event text not null,
  threshold integer,
  seconds double precision,
  times double precision,
  created_by text not null,
  created_at timestamp with time zone not null,
  constraint rules_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES channels(id) ON DELETE CASCADE,
  constraint rules_check CHECK (((job_id IS NULL) OR (queue IS NULL))),
  constraint rules_pkey PRIMARY KEY (id),
  constraint rules_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint rules_seconds_check CHECK ((seconds > (0)::double precision)),
  constraint rules_threshold_check CHECK (((threshold >= 1) AND (threshold <= 100))),
  constraint rules_times_check CHECK ((times > (0)::double precision))
);

create table scheduler.scopes (
  id integer not null generated always as identity,
  workspace_id uuid not null,
  mode text not null,
  signing_version integer not null default 0,
  secrets_version integer not null default 0,
  has_rules boolean not null default false,
  constraint scopes_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text]))),
  constraint scopes_pkey PRIMARY KEY (id),
  constraint scopes_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id),
  constraint scopes_workspace_id_mode_key UNIQUE (workspace_id, mode)
);

create table scheduler.secrets (
  id uuid not null,
  scope_id integer not null,
  name text not null,
  sealed bytea not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint secrets_pkey PRIMARY KEY (id),
  constraint secrets_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint secrets_scope_id_name_key UNIQUE (scope_id, name)
);

create table scheduler.signing_secrets (
  id uuid not null,
  scope_id integer not null,
  sealed bytea not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  constraint signing_secrets_pkey PRIMARY KEY (id),
  constraint signing_secrets_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id)
);

create table scheduler.tokens (
  id uuid not null,
  scope_id integer not null,
  user_id uuid,
  kind text not null,
  name text not null,
  agent text,
  read_only boolean not null,
  prefix text not null,
  hash bytea not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  scopes text[],
  bounds jsonb,
  made_by_user uuid,
  previous_hash bytea,
  previous_until timestamp with time zone,
  fires_on date,
  fires integer not null default 0,
  jobs_counted integer not null default 0,
  constraint tokens_check CHECK (((kind = 'agent'::text) = (agent IS NOT NULL))),
  constraint tokens_hash_key UNIQUE (hash),
  constraint tokens_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'agent'::text, 'system'::text, 'service'::text]))),
  constraint tokens_pkey PRIMARY KEY (id),
  constraint tokens_previous CHECK (((previous_hash IS NULL) = (previous_until IS NULL))),
  constraint tokens_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES scopes(id),
  constraint tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

create table scheduler.users (
  id uuid not null,
  email text not null,
  password_hash text not null,
  created_at timestamp with time zone not null default now(),
  logged_out_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint users_email_key UNIQUE (email),
  constraint users_pkey PRIMARY KEY (id)
);

create table scheduler.workers (
  id uuid not null,
  host text not null,
  pid integer not null,
  slots integer not null,
  started_at timestamp with time zone not null default now(),
  heartbeat_at timestamp with time zone not null default now(),
  constraint workers_pkey PRIMARY KEY (id)
);

create table scheduler.workspaces (
  id uuid not null,
  name text not null,
  created_at timestamp with time zone not null default now(),
  made_in uuid,
  policy_version integer not null default 0,
  constraint workspaces_made_in_fkey FOREIGN KEY (made_in) REFERENCES workspaces(id),
  constraint workspaces_pkey PRIMARY KEY (id)
);

CREATE INDEX agent_permissions_on ON scheduler.agent_permissions USING btree (scope_id, other);
CREATE INDEX approvals_by_end ON scheduler.approvals USING btree (expires_at);
CREATE INDEX approvals_by_scope ON scheduler.approvals USING btree (scope_id, id);
CREATE UNIQUE INDEX approvals_open ON scheduler.approvals USING btree (scope_id, fingerprint) WHERE (status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text]));
CREATE INDEX channels_by_scope ON scheduler.channels USING btree (scope_id, id);
CREATE INDEX deliveries_by_channel ON scheduler.deliveries USING btree (channel_id, id) WHERE (channel_id IS NOT NULL);
CREATE INDEX deliveries_by_execution ON scheduler.deliveries USING btree (execution_id);
CREATE INDEX deliveries_by_job ON scheduler.deliveries USING btree (job_id, id);
CREATE INDEX deliveries_by_scope ON scheduler.deliveries USING btree (scope_id, id);
CREATE INDEX deliveries_by_status ON scheduler.deliveries USING btree (scope_id, status, id) WHERE (status <> 'sent'::text);
CREATE INDEX deliveries_due ON scheduler.deliveries USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE UNIQUE INDEX deliveries_gathering ON scheduler.deliveries USING btree (channel_id, gathers) WHERE ((gathers IS NOT NULL) AND (status = 'pending'::text) AND (NOT is_closed));
CREATE INDEX deliveries_of_none ON scheduler.deliveries USING btree (id) WHERE (execution_id IS NULL);
CREATE UNIQUE INDEX deliveries_one_callback ON scheduler.deliveries USING btree (execution_id) WHERE (kind = 'callback'::text);
CREATE INDEX executions_by_error ON scheduler.executions USING btree (scope_id, error_code, id) WHERE (error_code IS NOT NULL);
CREATE INDEX executions_by_job ON scheduler.executions USING btree (job_id, id);
CREATE INDEX executions_by_job_status ON scheduler.executions USING btree (job_id, listed_status, id) WHERE (listed_status IS NOT NULL);
CREATE INDEX executions_by_parent ON scheduler.executions USING btree (parent_execution_id) WHERE (parent_execution_id IS NOT NULL);
CREATE INDEX executions_by_queue ON scheduler.executions USING btree (scope_id, queue, id) WHERE (queue <> 'default'::text);
CREATE INDEX executions_by_queue_status ON scheduler.executions USING btree (scope_id, queue, listed_status, id) WHERE (listed_status IS NOT NULL);
CREATE INDEX executions_by_replay ON scheduler.executions USING btree (replay_id, id) WHERE (replay_id IS NOT NULL);
CREATE INDEX executions_by_scope ON scheduler.executions USING btree (scope_id, id);
CREATE INDEX executions_by_status ON scheduler.executions USING btree (scope_id, listed_status, id) WHERE (listed_status IS NOT NULL);
CREATE INDEX executions_by_trigger ON scheduler.executions USING btree (scope_id, trigger, id) WHERE (trigger <> 'schedule'::text);
CREATE INDEX executions_due ON scheduler.executions USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX executions_in_line ON scheduler.executions USING btree (scope_id, queue, line_at, id) WHERE (line_at IS NOT NULL);
CREATE INDEX executions_in_line_expire ON scheduler.executions USING btree (expires_at) WHERE ((line_at IS NOT NULL) AND (expires_at IS NOT NULL));
CREATE INDEX idempotency_keys_by_age ON scheduler.idempotency_keys USING btree (created_at);
CREATE INDEX jobs_by_agent ON scheduler.jobs USING btree (scope_id, agent, id) WHERE (agent IS NOT NULL);
CREATE UNIQUE INDEX jobs_by_key ON scheduler.jobs USING btree (scope_id, key) WHERE ((key IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX jobs_by_name ON scheduler.jobs USING btree (scope_id, lower(name) text_pattern_ops, id) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX jobs_by_number ON scheduler.jobs USING btree (scope_id, number);
CREATE INDEX jobs_by_parent ON scheduler.jobs USING btree (parent_execution_id) WHERE (parent_execution_id IS NOT NULL);
CREATE INDEX jobs_by_scope ON scheduler.jobs USING btree (scope_id, id) WHERE (deleted_at IS NULL);
CREATE INDEX jobs_by_state ON scheduler.jobs USING btree (scope_id, listed_state, id) WHERE ((deleted_at IS NULL) AND (listed_state IS NOT NULL));
CREATE INDEX jobs_by_token ON scheduler.jobs USING btree (token_id, id) WHERE ((token_id IS NOT NULL) AND (deleted_at IS NULL) AND (state = ANY (ARRAY['draft'::text, 'active'::text, 'paused'::text])));
CREATE INDEX jobs_deleted ON scheduler.jobs USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX jobs_due ON scheduler.jobs USING btree (repeats, next_run_at) WHERE (next_run_at IS NOT NULL);
CREATE INDEX jobs_failing ON scheduler.jobs USING btree (scope_id, id) WHERE ((consecutive_failures > 0) AND (deleted_at IS NULL));
CREATE INDEX jobs_in_queue ON scheduler.jobs USING btree (scope_id, queue, next_run_at) WHERE ((next_run_at IS NOT NULL) AND (queue <> 'default'::text));
CREATE INDEX jobs_purged ON scheduler.jobs USING btree (id) WHERE is_purged;
CREATE INDEX members_by_user ON scheduler.members USING btree (user_id);
CREATE INDEX open_executions_by_job ON scheduler.open_executions USING btree (guards_job_id, id) WHERE (guards_job_id IS NOT NULL);
CREATE INDEX open_executions_by_queue ON scheduler.open_executions USING btree (scope_id, counts_in) WHERE (counts_in IS NOT NULL);
CREATE INDEX policy_counters_by_end ON scheduler.policy_counters USING btree (expires_at);
CREATE INDEX revisions_by_job ON scheduler.revisions USING btree (job_id);
CREATE INDEX revisions_by_secret ON scheduler.revisions USING gin (secrets) WHERE (secrets IS NOT NULL);
CREATE INDEX rules_by_channel ON scheduler.rules USING btree (channel_id);
CREATE INDEX rules_by_job ON scheduler.rules USING btree (job_id) WHERE (job_id IS NOT NULL);
CREATE INDEX rules_by_scope ON scheduler.rules USING btree (scope_id, id);
CREATE INDEX rules_of_all ON scheduler.rules USING btree (scope_id) WHERE (job_id IS NULL);
CREATE INDEX rules_on_overrun ON scheduler.rules USING btree (id) WHERE (event = 'on_overrun'::text);
CREATE INDEX secrets_by_scope ON scheduler.secrets USING btree (scope_id, id);
CREATE INDEX signing_secrets_by_scope ON scheduler.signing_secrets USING btree (scope_id, id);
CREATE INDEX tokens_by_agent ON scheduler.tokens USING btree (scope_id, agent) WHERE (agent IS NOT NULL);
CREATE UNIQUE INDEX tokens_by_previous ON scheduler.tokens USING btree (previous_hash) WHERE (previous_hash IS NOT NULL);
CREATE INDEX tokens_by_scope ON scheduler.tokens USING btree (scope_id, id);
