import type {
  ColumnType,
  Generated,
  GeneratedAlways,
  Insertable,
  Kysely,
  Transaction,
  Updateable,
} from "kysely";
import type {
  Assertion,
  AttemptErrorCode,
  AttemptStatus,
  Bounds,
  CatchUp,
  ChannelType,
  DeliveryKind,
  DeliveryStatus,
  ExecutionStatus,
  JobKind,
  JobState,
  Mode,
  Overlap,
  RetryPolicy,
  Role,
  RuleEvent,
  Statuses,
  TokenKind,
  Trigger,
} from "@org/scheduler-contract";

/** Our own PostgreSQL schema, so that the tables can live beside a host's own. */
export const schema = "scheduler";

/** JSON is written as text and read back parsed. */
type Json<T> = ColumnType<T, string, string>;

interface Workspaces {
  id: string;
  name: string;
  /** The workspace from which somebody made it. */
  made_in: string | null;
  /** Raised whenever its policy changes. */
  policy_version: Generated<number>;
  created_at: Generated<Date>;
}

/** A user of a workspace. */
interface Members {
  workspace_id: string;
  user_id: string;
  role: Role;
  created_at: Generated<Date>;
}

/** What a workspace lets its callers do. */
interface Policies {
  workspace_id: string;
  version: number;
  /** As it was written. */
  text: string;
  updated_by: string;
  updated_at: Date;
}

/** What a policy counts, of one caller, until its window ends. */
interface PolicyCounters {
  scope_id: number;
  key: string;
  value: number;
  expires_at: Date;
}

/** A call that somebody is asked about. */
export interface Approvals {
  scope_id: number;
  id: string;
  /** The key or the user that asked. */
  who: string;
  caller: string;
  tool: string;
  operation: string;
  /** The rule that asks, with its line. */
  rule: string;
  reason: string | null;
  /** SHA-256 of who calls what with which arguments, and of the rule. */
  fingerprint: Buffer;
  /** For whoever decides: without what must not be seen. */
  arguments: Json<unknown>;
  status: "pending" | "approved" | "rejected" | "used";
  comment: string | null;
  decided_by: string | null;
  decided_at: Date | null;
  expires_at: Date;
  created_at: Date;
}

/** One half of a workspace: every row of every table belongs to one scope, and so to one mode. */
interface Scopes {
  id: Generated<number>;
  workspace_id: string;
  mode: Mode;
  /** Raised whenever its signing secrets change. */
  signing_version: Generated<number>;
  /** Raised whenever its secrets change. */
  secrets_version: Generated<number>;
  /** It has rules, or had some. */
  has_rules: Generated<boolean>;
}

interface Users {
  id: string;
  email: string;
  password_hash: string;
  /** JWTs of before are refused. */
  logged_out_at: Generated<Date>;
  created_at: Generated<Date>;
}

export interface Tokens {
  id: string;
  scope_id: number;
  user_id: string | null;
  kind: TokenKind;
  name: string;
  agent: string | null;
  read_only: boolean;
  prefix: string;
  hash: Buffer;
  /** Toolsets and operations; null for all. */
  scopes: string[] | null;
  bounds: Json<Bounds> | null;
  /** How many executions its jobs have been given on a day, where that is bounded. */
  fires_on: Generated<Date | null>;
  fires: Generated<number>;
  /** How many of its jobs are not over, where that is bounded: at least so many, since it is not told of those that end. */
  jobs_counted: Generated<number>;
  /** Who made it, where that was a user. */
  made_by_user: string | null;
  /** The value from before the last rotation, and how long it works. */
  previous_hash: Buffer | null;
  previous_until: Date | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  created_by: string;
  created_at: Generated<Date>;
}

/** Who takes messages. */
export interface Agents {
  scope_id: number;
  name: string;
  id: string;
  /** Where its messages go. */
  url: string;
  description: string | null;
  owner_id: string | null;
  /** Users who may read, toggle and trigger its schedules. */
  shared_with: string[];
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

/** Keys of `agent` may read, toggle and trigger schedules of `other`. */
interface AgentPermissions {
  scope_id: number;
  agent: string;
  other: string;
  created_by: string;
  created_at: Date;
}

/** What the jobs of one name share. */
export interface Queues {
  scope_id: number;
  name: string;
  id: string;
  /** How many of its executions may run at once, on all workers together. */
  concurrency: number | null;
  /** So many requests in any period of so long. */
  rate_max: number | null;
  rate_period_seconds: number | null;
  paused: Generated<boolean>;
  timeout_seconds: number | null;
  retry: Json<RetryPolicy> | null;
  priority: Generated<number>;
  muted_until: Date | null;
  /** Its executions wait for their turn instead of starting wherever there is room. */
  has_line: GeneratedAlways<boolean>;
  created_at: Date;
  updated_at: Date;
}

export interface Jobs {
  scope_id: number;
  id: string;
  number: Generated<number>;
  revision_id: string;
  /** Its current revision's. */
  host: string;
  /** The caller's own name for it; only one job that is there has it. */
  key: string | null;
  /** Whose it is: of the agent whose key made it, or of the one that it sends messages to. */
  agent: string | null;
  /** What it tells its agent, where it is a schedule of one. */
  message: string | null;
  /** The key that made it. */
  token_id: string | null;
  /** That key may fire so often a day only. */
  is_bounded: Generated<boolean>;
  /** It ends because that key's jobs do; nobody chose its `end_at`. */
  ends_by_bound: Generated<boolean>;
  /** The execution that made it, and how many made each other before it. */
  parent_execution_id: string | null;
  depth: Generated<number>;
  /** What was said about when, where it has a key and nobody has rescheduled it since. */
  declared: Json<Record<string, string | number>> | null;
  queue: Generated<string>;
  name: string;
  description: string | null;
  state: JobState;
  /** The state, where somebody set it or there is a next run; no change that a finished execution makes. */
  listed_state: GeneratedAlways<JobState | null>;
  kind: JobKind;
  /** Whether it has more than one slot. */
  repeats: GeneratedAlways<boolean>;
  cron: string | null;
  every_n_minutes: number | null;
  run_at: Date | null;
  timezone: string;
  start_at: Date | null;
  end_at: Date | null;
  max_runs: number | null;
  jitter_seconds: number | null;
  ttl_seconds: number | null;
  overlap: Generated<Overlap>;
  catch_up: Generated<CatchUp>;
  catch_up_window_seconds: Generated<number>;
  catch_up_max_runs: Generated<number>;
  metadata: Json<Record<string, string>>;
  next_run_at: Date | null;
  run_count: Generated<number>;
  last_run_at: Date | null;
  last_status: ExecutionStatus | null;
  consecutive_failures: Generated<number>;
  /** As it was before the last ends. */
  failures_before: Generated<number>;
  failing_since: Date | null;
  /** It is alerted after so many failures in a row, as some rule may have it too. */
  alert_threshold: number | null;
  is_alerted: Generated<boolean>;
  was_alerted: Generated<boolean>;
  /** How long its requests take that succeed, the latest weighing most. */
  usual_ms: number | null;
  usual_before: number | null;
  /** Until then its notifications are gathered. */
  muted_until: Date | null;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
  deleted_by: string | null;
  /** Its history goes with it, as soon as it is over. */
  is_purged: Generated<boolean>;
}

/** An immutable version of what a job sends. */
export interface Revisions {
  scope_id: number;
  id: string;
  job_id: string;
  method: string;
  url: string;
  /** Where the URL leads, with its port. */
  host: string;
  headers: Json<Record<string, string>>;
  /** The values of those that `headers` shows as masks. Encrypted. */
  sealed_headers: Buffer | null;
  /** The names of the secrets that headers and body refer to; null without any. */
  secrets: string[] | null;
  /** What stands for something in double braces is replaced: not in jobs that are older than that. */
  fills_templates: Generated<boolean>;
  body: string | null;
  /** `body` is a message to an agent, to which each execution adds what it is. */
  for_agent: Generated<boolean>;
  timeout_seconds: number;
  success_statuses: Json<Statuses>;
  retry: Json<RetryPolicy>;
  /** The job named none of its own: its queue's holds where that has one. */
  inherits_timeout: Generated<boolean>;
  inherits_retry: Generated<boolean>;
  assertions: Json<Assertion[]> | null;
  follow_redirects: Generated<boolean>;
  callback_url: string | null;
}

export interface Executions {
  scope_id: number;
  id: string;
  job_id: string;
  queue: Generated<string>;
  /** Its place in the line of its queue, where it waits for its turn there: when it was due. */
  line_at: Date | null;
  revision_id: string;
  trigger: Trigger;
  status: ExecutionStatus;
  /** The status, where it is final and not `succeeded`: what people look for in a long history. */
  listed_status: GeneratedAlways<ExecutionStatus | null>;
  reason: string | null;
  scheduled_for: Date;
  due_at: Date | null;
  worker_id: string | null;
  running_since: Date | null;
  started_at: Date | null;
  finished_at: Date | null;
  attempt_count: Generated<number>;
  interruptions: Generated<number>;
  /** Somebody wants it to end while it is under way. */
  cancel_requested_at: Date | null;
  /** Past this it is not sent any more. */
  expires_at: Date | null;
  /** It starts only when the executions of its job before it are over. */
  queued: Generated<boolean>;
  status_code: number | null;
  error_code: string | null;
  error: string | null;
  replay_of: string | null;
  /** The replay of many that it belongs to. */
  replay_id: string | null;
  /** When it was replayed: a replay of many leaves it out then. */
  replayed_at: Date | null;
  created_at: Date;
  /** The channels that have been told that it has been running for too long. */
  overrun_told: string[] | null;
  /** What the agent that it was for said that it took. */
  context_used: number | null;
  cost: number | null;
  /** The execution that asked for this one, and how many asked for each other before it; its job's where it is null. */
  parent_execution_id: string | null;
  depth: number | null;
}

/** Many executions that were replayed at once. */
export interface Replays {
  scope_id: number;
  id: string;
  total: number;
  per_second: number;
  last_due_at: Date | null;
  created_by: string;
  created_at: Date;
  canceled_at: Date | null;
}

/** A row for each execution that is not over; what changes in `executions` is in no index. */
interface OpenExecutions {
  id: string;
  scope_id: number;
  /** Its job, where that does not allow its executions to overlap. */
  guards_job_id: string | null;
  /** Its queue, while it takes up one of the places there. */
  counts_in: string | null;
}

/** A job or a replay of which more waits than was ended when it was canceled or deleted. */
export interface Endings {
  scope_id: number;
  kind: "job" | "replay";
  /** Of the job or the replay. */
  id: string;
  /** Of each execution that is ended. */
  reason: string;
  /** The execution after which the next step goes on. */
  cursor: string;
  created_at: Generated<Date>;
}

export interface Attempts {
  execution_id: string;
  number: number;
  scope_id: number;
  status: AttemptStatus;
  error_code: AttemptErrorCode | null;
  error: string | null;
  status_code: number | null;
  started_at: Date;
  latency_ms: number;
  response_headers: Json<Record<string, string | string[]>> | null;
  response_body: string | null;
  /** Null for text. */
  response_encoding: "base64" | null;
  response_truncated: boolean;
  /** Where the last request went, if a redirect led there. */
  redirected_to: Json<{ method: string; url: string }> | null;
}

/** Somebody who is told of something: of an end by a job's callback, of anything by a channel. */
export interface Deliveries {
  scope_id: number;
  id: string;
  kind: DeliveryKind;
  execution_id: string | null;
  job_id: string | null;
  /** Of a callback; a channel has its own way. */
  url: string | null;
  channel_id: string | null;
  event: RuleEvent | null;
  /** What there is to tell beside the execution. */
  about: Json<About> | null;
  /** Of what it gathers notifications, as long as it is open; null where it is one. */
  gathers: string | null;
  /** Nothing more is gathered in it. */
  is_closed: Generated<boolean>;
  status: DeliveryStatus;
  attempt_count: Generated<number>;
  /** When it is to be sent; while it is being sent, when it is to be sent again unless that is over by then. */
  due_at: Date | null;
  status_code: number | null;
  error_code: AttemptErrorCode | null;
  error: string | null;
  /** The first of what the service of a channel answered. */
  answer: string | null;
  created_at: Date;
  finished_at: Date | null;
}

/** What a notification tells beside its execution, as it was when that happened. */
export interface About {
  /** In a row, with this one; before a recovery, with the last. */
  failures?: number;
  /** Since when the job has been failing. */
  since?: string;
  /** How long a request took, or has taken, and what is usual for it. */
  took_ms?: number;
  usual_ms?: number;
  /** Of many at once. */
  gathered?: Gathered;
}

/** Many notifications in one: how many of each event, and the first few jobs. */
export type Gathered = Partial<Record<RuleEvent, { count: number; jobs: string[] }>>;

/** Where somebody is told. */
export interface Channels {
  scope_id: number;
  id: string;
  name: string;
  type: ChannelType;
  /** How it is reached. Encrypted. */
  sealed: Buffer;
  muted_until: Date | null;
  disabled_at: Date | null;
  disabled_reason: string | null;
  /** Notifications that it was not told since it is disabled. */
  untold: Generated<number>;
  /** When the minute began of whose notifications each is a message, up to a limit; and how many there were. */
  window_began_at: Date | null;
  window_count: Generated<number>;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

/** When a channel is told: of a job, of a queue's jobs, or of all. */
export interface Rules {
  scope_id: number;
  id: string;
  channel_id: string;
  job_id: string | null;
  queue: string | null;
  event: RuleEvent;
  threshold: number | null;
  seconds: number | null;
  times: number | null;
  created_by: string;
  created_at: Date;
}

/** What a queue knows of the failures in a row of its jobs that run once, as long as a rule of its own asks for that. */
interface QueueAlerts {
  scope_id: number;
  queue: string;
  failures: Generated<number>;
  failing_since: Date | null;
  is_alerted: Generated<boolean>;
}

/** A value that jobs refer to by its name. */
export interface Secrets {
  scope_id: number;
  id: string;
  name: string;
  /** Encrypted. */
  sealed: Buffer;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

/** What a scope signs its requests with. */
export interface SigningSecrets {
  scope_id: number;
  id: string;
  /** Encrypted. */
  sealed: Buffer;
  created_by: string;
  created_at: Date;
}

interface Workers {
  id: string;
  host: string;
  pid: number;
  slots: number;
  started_at: Generated<Date>;
  heartbeat_at: Generated<Date>;
}

/** A host that does not answer, as one worker knows it. */
interface OpenCircuits {
  scope_id: number;
  host: string;
  worker_id: string;
  opened_at: Date;
  probe_at: Date;
  failures: number;
}

export interface Audit {
  scope_id: number;
  id: string;
  at: Date;
  caller: string;
  token_id: string | null;
  operation: string;
  target: string | null;
  outcome: Generated<"done" | "refused" | "failed">;
  /** Why it was refused or failed. */
  error_code: string | null;
  /** How often this was refused or failed. */
  times: Generated<number>;
  /** How it came. */
  face: string | null;
  tool: string | null;
  /** The rule of a policy that refused it. */
  rule: string | null;
  arguments_hash: Buffer | null;
  request_id: string | null;
}

/** A hash over the entries of the audit from a stretch of time, and over the seal before it. */
export interface AuditSeals {
  number: number;
  from_at: Date;
  to_at: Date;
  entries: number;
  entries_hash: Buffer;
  previous_hash: Buffer;
  hash: Buffer;
  sealed_at: Date;
  /** Its entries have been taken away by retention. */
  is_pruned: Generated<boolean>;
}

/** What a request with an idempotency key was answered with. */
interface IdempotencyKeys {
  scope_id: number;
  /** Whose it is; empty for all who are no agents. */
  agent: Generated<string>;
  key: string;
  operation: string;
  /** SHA-256 of the operation and its input, in hex. */
  fingerprint: string;
  answer: Json<unknown>;
  created_at: Date;
}

/** The key of a job that was deleted or canceled: it is not created again by accident. */
export interface DeletedKeys {
  scope_id: number;
  key: string;
  job_id: string;
  deleted_by: string;
  deleted_at: Date;
}

export interface Tables {
  workspaces: Workspaces;
  scopes: Scopes;
  users: Users;
  members: Members;
  policies: Policies;
  policy_counters: PolicyCounters;
  approvals: Approvals;
  tokens: Tokens;
  agents: Agents;
  agent_permissions: AgentPermissions;
  queues: Queues;
  jobs: Jobs;
  revisions: Revisions;
  executions: Executions;
  open_executions: OpenExecutions;
  replays: Replays;
  endings: Endings;
  attempts: Attempts;
  deliveries: Deliveries;
  channels: Channels;
  rules: Rules;
  queue_alerts: QueueAlerts;
  secrets: Secrets;
  signing_secrets: SigningSecrets;
  workers: Workers;
  open_circuits: OpenCircuits;
  audit: Audit;
  audit_seals: AuditSeals;
  idempotency_keys: IdempotencyKeys;
  deleted_keys: DeletedKeys;
}

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

export type NewJob = Insertable<Jobs>;
export type JobChange = Updateable<Jobs>;
export type NewRevision = Insertable<Revisions>;
