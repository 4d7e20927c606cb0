import { type Kysely, sql } from "kysely";

/** Users are in several workspaces, in a role of each; tokens have scopes and bounds, and can be rotated. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table members (
      workspace_id uuid not null references workspaces (id),
      user_id uuid not null references users (id),
      role text not null check (role in ('owner', 'admin', 'member')),
      created_at timestamptz not null default now(),
      primary key (workspace_id, user_id)
    )`.execute(db);
  await sql`create index members_by_user on members (user_id)`.execute(db);
  await sql`
    insert into members (workspace_id, user_id, role, created_at)
    select workspace_id, id, 'owner', created_at from users`.execute(db);
  await sql`alter table users drop column workspace_id`.execute(db);
  // The workspace from which somebody made it, who may put the first users into it.
  await sql`alter table workspaces add column made_in uuid references workspaces (id)`.execute(db);
  await sql`
    alter table tokens
      add column scopes text[],
      add column bounds jsonb,
      add column made_by_user uuid,
      add column previous_hash bytea,
      add column previous_until timestamptz,
      add constraint tokens_previous check ((previous_hash is null) = (previous_until is null))`.execute(db);
  await sql`create unique index tokens_by_previous on tokens (previous_hash) where previous_hash is not null`.execute(
    db,
  );
}
