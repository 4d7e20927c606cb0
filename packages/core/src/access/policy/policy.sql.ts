import { type Selectable, sql } from "kysely";
import { type Session, statement } from "../../database/statement.ts";
import type { Approvals, Db, Tx } from "../../database/tables.ts";
import type { Window } from "./policy.ts";

export interface PolicyRow {
  version: number;
  text: string;
  updated_by: string;
  updated_at: Date;
}

export async function findPolicy(db: Db | Tx, workspaceId: string): Promise<PolicyRow | undefined> {
  return db
    .selectFrom("policies")
    .select(["version", "text", "updated_by", "updated_at"])
    .where("workspace_id", "=", workspaceId)
    .executeTakeFirst();
}

/** The policy of the workspace that a scope is a half of, with its version. */
export async function loadPolicy(db: Db, scopeId: number): Promise<{ version: number; text: string | null }> {
  const row = await db
    .selectFrom("scopes")
    .innerJoin("workspaces", "workspaces.id", "scopes.workspace_id")
    .leftJoin("policies", "policies.workspace_id", "scopes.workspace_id")
    .select(["workspaces.policy_version as version", "policies.text"])
    .where("scopes.id", "=", scopeId)
    .executeTakeFirst();
  return row ?? { version: 0, text: null };
}

/** Puts a policy in the place of the one before. Two who do so wait for each other. Answers its version. */
export async function storePolicy(
  tx: Tx,
  workspaceId: string,
  policy: Omit<PolicyRow, "version">,
): Promise<number> {
  const { policy_version: version } = await tx
    .updateTable("workspaces")
    .set((eb) => ({ policy_version: eb("policy_version", "+", 1) }))
    .where("id", "=", workspaceId)
    .returning("policy_version")
    .executeTakeFirstOrThrow();
  const row = { ...policy, version };
  await tx
    .insertInto("policies")
    .values({ workspace_id: workspaceId, ...row })
    .onConflict((conflict) => conflict.column("workspace_id").doUpdateSet(row))
    .execute();
  return version;
}

/** By how much a counter is raised, and up to what at the most: null for any. */
export interface Raise {
  key: string;
  window: Window;
  by: number;
  most: number | null;
}

export interface CounterRow {
  key: string;
  value: number;
  expires_at: Date;
  now: Date;
}

const raise = statement<
  {
    scope_id: number;
    keys: string[];
    by: number[];
    units: (string | null)[];
    seconds: (number | null)[];
    mosts: (number | null)[];
  },
  CounterRow
>(
  "raise_policy_counters",
  `insert into policy_counters as c (scope_id, key, value, expires_at)
  select :scope_id::integer, r.key, r.by, case when r.unit is null then :now + r.seconds * interval '1 second'
    else (date_trunc(r.unit, :now at time zone 'UTC') + ('1 ' || r.unit)::interval) at time zone 'UTC' end
  from unnest(:keys::text[], :by::double precision[], :units::text[], :seconds::double precision[],
    :mosts::double precision[]) as r(key, by, unit, seconds, most)
  where r.most is null or r.by <= r.most
  order by r.key
  on conflict (scope_id, key) do update set
    value = case when c.expires_at <= :now then excluded.value else c.value + excluded.value end,
    expires_at = case when c.expires_at <= :now then excluded.expires_at else c.expires_at end
  where c.expires_at <= :now or (
    select m.most is null or c.value + excluded.value <= m.most
    from unnest(:keys::text[], :mosts::double precision[]) as m(key, most) where m.key = c.key)
  returning c.key, c.value, c.expires_at, :now as now`,
);

const raiseOne = statement<
  {
    scope_id: number;
    key: string;
    by: number;
    unit: string | null;
    seconds: number | null;
    most: number | null;
  },
  { now: Date }
>(
  "raise_policy_counter",
  `insert into policy_counters as c (scope_id, key, value, expires_at)
  select :scope_id::integer, :key::text, :by::double precision,
    case when :unit::text is null then :now + :seconds::double precision * interval '1 second'
    else (date_trunc(:unit::text, :now at time zone 'UTC') + ('1 ' || :unit::text)::interval) at time zone 'UTC' end
  where :most::double precision is null or :by::double precision <= :most::double precision
  on conflict (scope_id, key) do update set
    value = case when c.expires_at <= :now then excluded.value else c.value + excluded.value end,
    expires_at = case when c.expires_at <= :now then excluded.expires_at else c.expires_at end
  where c.expires_at <= :now or :most::double precision is null
    or c.value + excluded.value <= :most::double precision
  returning :now as now`,
);

/** Raises one counter; answers what time that was, or nothing where it would pass what it may be. */
export async function raiseCounter(
  session: Session,
  scopeId: number,
  { key, window, by, most }: Raise,
): Promise<Date | undefined> {
  const [unit, seconds] = typeof window === "string" ? [window, null] : [null, window.seconds];
  const [row] = await raiseOne(session, { scope_id: scopeId, key, by, unit, seconds, most });
  return row?.now;
}

/**
 * Raises counters of a caller, those whose window is over from nothing; answers them as they are then. One that would pass
 * what it may be is left as it is, and not answered.
 */
export function raiseCounters(session: Session, scopeId: number, raises: Raise[]): Promise<CounterRow[]> {
  return raise(session, {
    scope_id: scopeId,
    keys: raises.map(({ key }) => key),
    by: raises.map(({ by }) => by),
    units: raises.map(({ window }) => (typeof window === "string" ? window : null)),
    seconds: raises.map(({ window }) => (typeof window === "string" ? null : window.seconds)),
    mosts: raises.map(({ most }) => most),
  });
}

const read = statement<{ scope_id: number; keys: string[] }, CounterRow>(
  "read_policy_counters",
  `select key, value, expires_at, :now as now from policy_counters
  where scope_id = :scope_id::integer and key = any(:keys::text[]) and expires_at > :now`,
);

export function readCounters(session: Session, scopeId: number, keys: string[]): Promise<CounterRow[]> {
  return read(session, { scope_id: scopeId, keys });
}

export type ApprovalRow = Selectable<Approvals>;

/** The request for a call that is not over: it waits, or was decided and not used yet. */
export function findOpenApproval(
  db: Db | Tx,
  scopeId: number,
  fingerprint: Buffer,
): Promise<ApprovalRow | undefined> {
  return db
    .selectFrom("approvals")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .where("fingerprint", "=", fingerprint)
    .where("status", "in", ["pending", "approved", "rejected"])
    .executeTakeFirst();
}

/** Keeps a request; one for the same call whose time has passed goes. Answers the one that is there now. */
export async function keepApproval(db: Db, { arguments: args, ...row }: ApprovalRow): Promise<ApprovalRow> {
  return db.transaction().execute(async (tx) => {
    await tx
      .deleteFrom("approvals")
      .where("scope_id", "=", row.scope_id)
      .where("fingerprint", "=", row.fingerprint)
      .where("status", "<>", "used")
      .where("expires_at", "<=", row.created_at)
      .execute();
    await tx
      .insertInto("approvals")
      .values({ ...row, arguments: JSON.stringify(args) })
      .onConflict((conflict) =>
        conflict
          .columns(["scope_id", "fingerprint"])
          .where("status", "in", ["pending", "approved", "rejected"])
          .doNothing(),
      )
      .execute();
    return (await findOpenApproval(tx, row.scope_id, row.fingerprint))!;
  });
}

/** Takes an approval that was given, once: of two calls at the same time one has it. */
export async function useApproval(db: Db | Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("approvals")
    .set({ status: "used" })
    .where("id", "=", id)
    .where("status", "=", "approved")
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Requests of a scope, newest first, with one more than `limit` where there are more; `who` asked for them. */
export function listApprovals(
  db: Db,
  scopeId: number,
  {
    who,
    status,
    before,
    limit,
    now,
  }: {
    who: string | undefined;
    status: ApprovalRow["status"] | "expired" | undefined;
    before: string | undefined;
    limit: number;
    now: Date;
  },
): Promise<ApprovalRow[]> {
  const isOver = sql<boolean>`(status in ('pending', 'approved') and expires_at <= ${now})`;
  return db
    .selectFrom("approvals")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .$if(who !== undefined, (query) => query.where("who", "=", who!))
    .$if(status === "expired", (query) => query.where(isOver))
    .$if(status !== undefined && status !== "expired", (query) =>
      query.where("status", "=", status as ApprovalRow["status"]).where(sql<boolean>`not ${isOver}`),
    )
    .$if(before !== undefined, (query) => query.where("id", "<", before!))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
}

export function lockApproval(tx: Tx, scopeId: number, id: string): Promise<ApprovalRow | undefined> {
  return tx
    .selectFrom("approvals")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
}

export async function decideApproval(
  tx: Tx,
  id: string,
  decision: { status: "approved" | "rejected"; comment: string | null; decided_by: string; decided_at: Date },
): Promise<void> {
  await tx.updateTable("approvals").set(decision).where("id", "=", id).execute();
}
