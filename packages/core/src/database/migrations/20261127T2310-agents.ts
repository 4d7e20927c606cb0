import { type Kysely, sql } from "kysely";

/** Agents, what they may do with each other's schedules, and the jobs that are theirs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table agents (
      scope_id integer not null references scopes (id),
      name text not null,
      id uuid not null unique,
      url text not null,
      description text,
      owner_id uuid references users (id),
      shared_with uuid[] not null default '{}',
      created_by text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (scope_id, name)
    )`.execute(db);
  await sql`
    create table agent_permissions (
      scope_id integer not null,
      agent text not null,
      other text not null,
      created_by text not null,
      created_at timestamptz not null,
      primary key (scope_id, agent, other),
      foreign key (scope_id, agent) references agents (scope_id, name) on delete cascade,
      foreign key (scope_id, other) references agents (scope_id, name) on delete cascade,
      check (agent <> other)
    )`.execute(db);
  await sql`create index agent_permissions_on on agent_permissions (scope_id, other)`.execute(db);
  await sql`
    alter table jobs
      add column agent text,
      add column message text,
      add constraint jobs_message check (message is null or agent is not null)`.execute(db);
  await sql`create index jobs_by_agent on jobs (scope_id, agent, id) where agent is not null`.execute(db);
  await sql`alter table revisions add column for_agent boolean not null default false`.execute(db);
  await sql`
    alter table executions
      add column context_used double precision,
      add column cost double precision`.execute(db);
  await sql`create index tokens_by_agent on tokens (scope_id, agent) where agent is not null`.execute(db);
  // An agent that repeats the key of somebody else's request must not be told that one's answer.
  await sql`
    alter table idempotency_keys
      add column agent text not null default '',
      drop constraint idempotency_keys_pkey,
      add primary key (scope_id, agent, key)`.execute(db);
}
