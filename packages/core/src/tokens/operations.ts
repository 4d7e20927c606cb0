import {
  type Mode,
  type ParsedInput,
  SchedulerError,
  type Token,
  type TokenKind,
} from "@org/scheduler-contract";
import { findMembership, scopeOf } from "../access/access.sql.ts";
import { type Caller, describeCaller } from "../access/caller.ts";
import { assertNoWider, narrowed } from "../access/narrow.ts";
import { generateToken } from "../access/tokens.ts";
import { requireAgent } from "../agents/agent.ts";
import { knowsAgent } from "../agents/agents.sql.ts";
import { fromPublicId, newId, noSuch, toPublicId } from "../ids.ts";
import { findJobsOfKey } from "../jobs/bounds.sql.ts";
import { cancelJob } from "../jobs/cancel.ts";
import { lockJobs, updateJobs } from "../jobs/jobs.sql.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { isOwnWorkspace, noSuchWorkspace } from "../workspaces/own.ts";
import { ownerFor } from "./owner.ts";
import { insertToken, listTokens, lockToken, type TokenRow, updateToken } from "./tokens.sql.ts";

type Names = "list_tokens" | "create_token" | "rotate_token" | "delete_token";

export const tokenOperations: Handlers<Names> = {
  async list_tokens({ db, caller }, { limit, cursor }) {
    const rows = await listTokens(db, ownerFor(caller), { before: readCursor("tok", cursor), limit });
    return toPage(rows, { limit, prefix: "tok", view: toToken });
  },

  async create_token(context, input) {
    const { tx, caller, now } = context;
    assertKind(caller, input);
    const expiresAt = input.expires_at === undefined ? undefined : new Date(input.expires_at);
    if (expiresAt && expiresAt <= now) throw expired(input.expires_at!);
    const rights = narrowed(caller, {
      readOnly: input.read_only ? true : undefined,
      scopes: input.scopes,
      bounds: input.bounds,
      expiresAt,
    });
    const workspaceId = await workspaceFor(context, input.workspace_id);
    if (input.agent !== undefined) await assertOwnAgent(context, workspaceId, input);
    const userId = input.kind === "user" ? await userFor(context, workspaceId, input.user_id) : null;
    assertMayHold(caller, input.kind, userId);
    const { token, hash, prefix } = generateToken(input.kind, input.mode);
    const row: TokenRow = {
      id: newId(now),
      scope_id: await scopeOf(tx, workspaceId, input.mode),
      user_id: userId,
      kind: input.kind,
      name: input.name,
      agent: input.agent ?? null,
      read_only: rights.readOnly,
      scopes: rights.scopes && [...rights.scopes],
      bounds: rights.bounds,
      made_by_user: caller.userId,
      fires_on: null,
      fires: 0,
      jobs_counted: 0,
      prefix,
      hash,
      previous_hash: null,
      previous_until: null,
      expires_at: rights.expiresAt,
      revoked_at: null,
      last_used_at: null,
      created_by: describeCaller(caller),
      created_at: now,
      mode: input.mode,
    };
    const { mode: _, ...stored } = row;
    await insertToken(tx, stored);
    return { ...toToken(row), token };
  },

  async rotate_token(context, { token_id, overlap_seconds }) {
    const { tx, caller, now } = context;
    const row = await requireToken(context, token_id);
    // Whoever gives a key a new value holds that key.
    assertMayHold(caller, row.kind, row.user_id);
    assertNoWider(caller, {
      readOnly: row.read_only,
      scopes: row.scopes,
      bounds: row.bounds,
      expiresAt: row.expires_at,
    });
    const { token, hash, prefix } = generateToken(row.kind, row.mode);
    const until = overlap_seconds === 0 ? null : new Date(now.getTime() + overlap_seconds * 1000);
    const change = { hash, prefix, previous_hash: until && row.hash, previous_until: until };
    await updateToken(tx, row.id, change);
    return { ...toToken({ ...row, ...change }), token };
  },

  async delete_token(context, { token_id, jobs }) {
    const row = await requireToken(context, token_id);
    await updateToken(context.tx, row.id, { revoked_at: context.now });
    const count = await leaveJobs(context, row, jobs);
    const became = ({ keep: "kept", pause: "paused", cancel: "canceled" } as const)[jobs];
    return { deleted: true, id: toPublicId("tok", row.id), jobs: { count, became } };
  },
};

/** What becomes of the jobs that a key made and that are not over. Answers how many there are. */
async function leaveJobs(
  context: WriteContext,
  { id, scope_id }: TokenRow,
  fate: ParsedInput<"delete_token">["jobs"],
): Promise<number> {
  const { tx, now } = context;
  const ids = await findJobsOfKey(tx, id);
  if (fate === "keep") return ids.length;
  const jobs = await lockJobs(tx, { scopeId: scope_id }, ids);
  if (fate === "cancel") for (const job of jobs) await cancelJob(context, job);
  else {
    const active = jobs.filter(({ state }) => state === "active");
    const paused = active.map(({ id: jobId, run_at }) => {
      return { id: jobId, run_at, state: "paused" as const, next_run_at: null };
    });
    await updateJobs(tx, scope_id, paused, now);
  }
  return jobs.length;
}

async function requireToken({ tx, caller }: WriteContext, given: string): Promise<TokenRow> {
  const id = fromPublicId("tok", given);
  const row = id === undefined ? undefined : await lockToken(tx, ownerFor(caller), id);
  if (row) return row;
  throw noSuch("token", given, { prefix: "tok", shown: "GET /v1/tokens shows yours" });
}

type Asked = ParsedInput<"create_token">;

function assertKind(caller: Caller, { kind, agent, mode, user_id }: Asked): void {
  if ((kind === "agent") !== (agent !== undefined)) {
    throw new SchedulerError(
      "invalid_input",
      "A token of kind agent names its agent, and no other kind does.",
      { field: "agent", hint: 'Send {"kind": "agent", "agent": "researcher"}, or leave agent out.' },
    );
  }
  if (user_id !== undefined && kind !== "user") {
    throw new SchedulerError("invalid_input", `A token of kind ${kind} belongs to no user.`, {
      field: "user_id",
      hint: 'Leave user_id out, or send {"kind": "user"}.',
    });
  }
  const modes: Mode[] = ownerFor(caller).modes;
  if (!modes.includes(mode)) {
    throw new SchedulerError("forbidden", `A ${caller.mode} token cannot create a ${mode} token.`, {
      field: "mode",
      hint: `Use mode "${caller.mode}", or a token of the ${mode} half.`,
    });
  }
}

/** Nobody comes by a key that can do more than its holder: that of another user, or of the system. */
function assertMayHold(caller: Caller, kind: TokenKind, userId: string | null): void {
  if (caller.kind === "system" || caller.role === "owner") return;
  if (kind !== "system" && (kind !== "user" || userId === caller.userId)) return;
  const whose = kind === "system" ? "system keys" : "tokens of other users";
  throw new SchedulerError("forbidden", `Only an owner, or the system, makes ${whose}.`, {
    field: kind === "system" ? "kind" : "user_id",
    hint: "Ask an owner; GET /v1/users shows who that is.",
  });
}

/** A key of an agent is made by who may change the agent; one that nobody has registered yet is anybody's. */
async function assertOwnAgent(
  { tx, caller }: WriteContext,
  workspaceId: string,
  { agent, mode }: Asked,
): Promise<void> {
  const there = { ...caller, scopeId: await scopeOf(tx, workspaceId, mode) };
  if (!(await knowsAgent(tx, there.scopeId, agent!))) return;
  await requireAgent(tx, there, agent!, "update");
}

function expired(given: string): SchedulerError {
  return new SchedulerError("invalid_input", `expires_at ${given} has passed.`, {
    field: "expires_at",
    hint: "Give a later instant, or leave it out for a token that does not expire.",
  });
}

/** Where the token is for. A key of one workspace opens no other, unless its user is an owner there. */
async function workspaceFor({ tx, caller }: WriteContext, given: string | undefined): Promise<string> {
  const id = given === undefined ? caller.workspaceId : fromPublicId("ws", given);
  if (id !== undefined && (await isOwnWorkspace(tx, caller, id))) return id;
  throw noSuchWorkspace(given!);
}

/** Whose the token is. */
async function userFor(
  { tx, caller }: WriteContext,
  workspaceId: string,
  given: string | undefined,
): Promise<string> {
  const id = given === undefined ? caller.userId : fromPublicId("usr", given);
  if (id === null) {
    throw new SchedulerError("invalid_input", "It is not clear whose token this is to be.", {
      field: "user_id",
      hint: "Name a user of GET /v1/users as user_id, or create a key of kind service, agent or system.",
    });
  }
  const membership = id === undefined ? undefined : await findMembership(tx, id, workspaceId);
  if (!membership) throw noSuch("user", given!, { prefix: "usr", shown: "GET /v1/users shows them" });
  return id!;
}

function toToken(row: TokenRow): Token {
  return {
    id: toPublicId("tok", row.id),
    name: row.name,
    kind: row.kind,
    mode: row.mode,
    agent: row.agent,
    user_id: row.user_id && toPublicId("usr", row.user_id),
    read_only: row.read_only,
    scopes: row.scopes,
    bounds: row.bounds,
    prefix: row.prefix,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    previous_valid_until: row.previous_until?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
