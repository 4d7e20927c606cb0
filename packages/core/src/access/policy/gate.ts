import { createHash } from "node:crypto";
import { type CallFace, type Operation, type OperationName, SchedulerError } from "@org/scheduler-contract";
import { canonicalJson } from "../../canonical-json.ts";
import type { Clock } from "../../clock.ts";
import { readNow } from "../../database/now.ts";
import type { Session } from "../../database/statement.ts";
import type { Db, Tx } from "../../database/tables.ts";
import { newId, toPublicId } from "../../ids.ts";
import type { Log } from "../../log.ts";
import { versioned } from "../../versioned.ts";
import { type Caller, describeCaller } from "../caller.ts";
import { forReading } from "./arguments.ts";
import {
  type Called,
  type Counter,
  decide,
  type Denial,
  failingCheck,
  isForbidden,
  type Open,
} from "./decide.ts";
import { isKnownTool, itemsOf, namesOf, requiredOf } from "./names.ts";
import type { Policy, Rule, Window } from "./policy.ts";
import type { PolicyFile } from "./policy-file.ts";
import {
  type ApprovalRow,
  findOpenApproval,
  keepApproval,
  loadPolicy,
  raiseCounter,
  raiseCounters,
  readCounters,
  useApproval,
} from "./policy.sql.ts";
import { readPolicy } from "./read.ts";

/** What a call was let through on: what is left to do once it is sure that it is carried out. */
interface Admission {
  /** Counts it; answers what time that was, where anything was counted. Throws `policy_denied` where it is one too many. */
  count(): Promise<Date | undefined>;
  /** Takes the approvals that it has. Throws `approval_required` where another call was quicker. */
  takeApprovals(tx: Db | Tx): Promise<void>;
}

/** The one place where policies are held against calls, whatever face they came through. */
export interface Gate {
  /** Throws `policy_denied` or `approval_required`. Undefined where no policy says anything. */
  admit(caller: Caller, operation: Operation, call: Call): Promise<Admission | undefined>;
  /** Which operations a caller may use as far as policies go, whatever the arguments. */
  opens(caller: Caller): Promise<(operation: Operation) => boolean>;
  /** The workspace of a caller has a new policy. */
  changed(caller: Caller, version: number): void;
  file: PolicyFile | undefined;
}

interface Call {
  input: unknown;
  /** How it was called by the face that it came through, where that has names of its own. */
  face: CallFace | undefined;
  dryRun: boolean;
  /** It is part of a call that was judged already. */
  aside: boolean;
}

/** What has to be possible whatever a policy says, or nobody could mend it, nor know what is the matter. */
const exempt: readonly OperationName[] = [
  "get_me",
  "logout",
  "get_policy",
  "put_policy",
  "test_policy",
  "list_approvals",
  "approve_call",
  "reject_call",
];

interface Source {
  name: "file" | "workspace";
  policy: Policy;
}

export function createGate(parts: { db: Db; clock: Clock; log: Log; file: PolicyFile | undefined }): Gate {
  const { db, clock, log, file } = parts;
  const stored = versioned<Policy | null>(async (scopeId) => {
    const { version, text } = await loadPolicy(db, scopeId);
    return { version, held: text === null ? null : readStored(text, log) };
  }, null);
  /** A caller that was resolved before a change does not know of it. */
  const newest = new Map<string, number>();

  async function sourcesFor(caller: Caller): Promise<Source[]> {
    const version = Math.max(caller.policyVersion, newest.get(caller.workspaceId) ?? 0);
    const own = version === 0 ? null : await stored.of(caller.scopeId, version);
    const global = file?.policy();
    return [
      ...(global ? [{ name: "file" as const, policy: global }] : []),
      ...(own ? [{ name: "workspace" as const, policy: own }] : []),
    ];
  }

  return {
    file,
    changed: ({ workspaceId }, version) => void newest.set(workspaceId, version),

    async opens(caller) {
      const sources = await sourcesFor(caller);
      return (operation) =>
        sources.length === 0 ||
        exempt.includes(operation.name as OperationName) ||
        !sources.some(({ policy }) =>
          isForbidden(policy, [{ tool: operation.name, args: {}, required: [] }]),
        );
    },

    async admit(caller, operation, call) {
      if (exempt.includes(operation.name as OperationName)) return undefined;
      const sources = await sourcesFor(caller);
      if (sources.length === 0) return undefined;
      const calls = callsOf(operation, call);
      const opened: { source: Source; open: Open }[] = [];
      for (const source of sources) {
        const verdict = decide(source.policy, calls);
        if ("denial" in verdict) throw denied(verdict.denial, source);
        opened.push({ source, open: verdict.open });
      }
      const session = { db, now: clock.now() };
      const approvals =
        call.dryRun || call.aside ? [] : await approvalsFor(opened, { session, caller, operation, calls });
      return {
        count: async () => {
          let at: Date | undefined;
          if (!call.aside)
            for (const { source, open } of opened)
              at = (await countCalls(open, { session, caller, source })) ?? at;
          return at;
        },
        takeApprovals: async (tx) => {
          for (const approval of approvals)
            if (!(await useApproval(tx, approval.id))) throw approvalNeeded(approval);
        },
      };
    },
  };
}

/** What was stored was read before; should a newer version of this code not take it, nothing goes through. */
function readStored(text: string, log: Log): Policy {
  try {
    return readPolicy(text, isKnownTool).policy;
  } catch (error) {
    log.error({ err: error }, "a stored policy cannot be read: every call is denied until it is mended");
    return { default: "deny", hide: [], tools: new Map() };
  }
}

/** A call under its names, and each of the calls that it stands for where it is many in one. */
function callsOf(operation: Operation, { input, face }: Call): Called[][] {
  const own: Called = { tool: operation.name, args: input, required: requiredOf(operation) };
  const items = itemsOf(own);
  const asked: Called[] = face
    ? [{ tool: face.tool, dialect: face.dialect, args: face.args, required: face.required }, ...namesOf(own)]
    : namesOf(own);
  const isBatch = items.length > 0;
  return [asked.map((called) => ({ ...called, isBatch })), ...items.map((item) => [item])];
}

interface Asking {
  session: Session & { db: Db };
  caller: Caller;
  operation: Operation;
  calls: Called[][];
}

/** The approvals that a call has. Throws `approval_required` where one of those is missing that it needs. */
async function approvalsFor(
  opened: { source: Source; open: Open }[],
  asking: Asking,
): Promise<ApprovalRow[]> {
  const needed = opened.flatMap(({ source, open }) =>
    [...new Set(open.approvals)].map((rule) => ({ rule, source })),
  );
  const given: ApprovalRow[] = [];
  for (const { rule, source } of needed) given.push(await approvalOf(rule, source, asking));
  return given;
}

async function approvalOf(
  rule: Rule,
  source: Source,
  { session, caller, operation, calls }: Asking,
): Promise<ApprovalRow> {
  const { db } = session;
  const [asked] = calls[0] as [Called];
  const who = whoIs(caller);
  const told = ruleInWords(rule, source);
  const fingerprint = createHash("sha256")
    .update(
      canonicalJson([who, asked.dialect ?? null, asked.tool, asked.args, source.name, rule.tool, rule.name]),
    )
    .digest();
  const now = await readNow(db, session.now);
  let row = await findOpenApproval(db, caller.scopeId, fingerprint);
  if (!row || row.expires_at <= now) {
    row = await keepApproval(db, {
      scope_id: caller.scopeId,
      id: newId(now),
      who,
      caller: describeCaller(caller),
      tool: asked.dialect === undefined ? asked.tool : `${asked.dialect}/${asked.tool}`,
      operation: operation.name,
      rule: told,
      reason: rule.reason ?? null,
      fingerprint,
      arguments: forReading(asked.args),
      status: "pending",
      comment: null,
      decided_by: null,
      decided_at: null,
      expires_at: new Date(now.getTime() + rule.approvalMs),
      created_at: now,
    });
  }
  if (row.status === "approved") return row;
  if (row.status === "rejected") throw rejected(row);
  throw approvalNeeded(row);
}

/** Counts calls by one policy: all that it counts, or nothing. Answers what time that was. */
async function countCalls(
  { raises, checks }: Open,
  { session, caller, source }: { session: Session & { db: Db }; caller: Caller; source: Source },
): Promise<Date | undefined> {
  if (checks.length === 0 && raises.size === 0) return undefined;
  const prefix = `${source.name} ${whoIs(caller)} `;
  const only = onlyCounter(raises, checks);
  if (only) {
    // Nearly always: by one statement, which raises it or does not.
    const at = await raiseCounter(session, caller.scopeId, { ...only, key: prefix + only.key });
    if (at) return at;
  }
  const wanted = [...raises].map(([key, { window, by }]) => ({
    key: prefix + key,
    window,
    by,
    most: mostOf(checks, key),
  }));
  const peeked = [...new Set(checks.map(({ key }) => key))].filter((key) => !raises.has(key));
  const keys = [...wanted.map(({ key }) => key), ...peeked.map((key) => prefix + key)];
  const work = async (inner: Session): Promise<Date | undefined> => {
    const raised = await raiseCounters(inner, caller.scopeId, wanted);
    const isShort = raised.length < wanted.length;
    const rows = isShort || peeked.length > 0 ? await readCounters(inner, caller.scopeId, keys) : raised;
    const counters = new Map<string, Counter>();
    for (const { key, value, expires_at: expiresAt } of [...rows, ...raised])
      counters.set(key.slice(prefix.length), { value, expiresAt });
    // What could not be raised is looked at as if it had been.
    for (const { key, by } of wanted) {
      const name = key.slice(prefix.length);
      const counter = counters.get(name);
      if (!raised.some((one) => one.key === key))
        counters.set(name, { ...counter, value: (counter?.value ?? 0) + by });
    }
    const now = rows[0]?.now ?? raised[0]?.now;
    const denial = failingCheck(checks, counters, now ?? new Date());
    if (denial) throw denied(denial, source);
    return now;
  };
  // All that are counted, or none.
  return session.db.transaction().execute((tx) => work({ db: tx, now: session.now }));
}

/** The counter that a call raises, where it raises one and depends on no more than how far. */
function onlyCounter(
  raises: Open["raises"],
  checks: Open["checks"],
): { key: string; window: Window; by: number; most: number } | undefined {
  if (raises.size !== 1) return undefined;
  const [[key, raised]] = [...raises] as [[string, { window: Window; by: number }]];
  const most = checks.every((check) => check.key === key) ? mostOf(checks, key) : null;
  return most === null ? undefined : { key, ...raised, most };
}

/** Up to what a counter may be raised, where all that is checked of it is that. */
function mostOf(checks: Open["checks"], of: string): number | null {
  const own = checks.filter(({ key }) => key === of);
  if (own.length === 0 || own.some(({ condition }) => condition.op !== "lte")) return null;
  return Math.min(...own.map(({ condition }) => Number(condition.value)));
}

/** Whose calls are counted together, and who asks for an approval: a key, or the user of a JWT. */
export function whoIs({ tokenId, userId }: Caller): string {
  return tokenId === null ? `user:${userId}` : `token:${tokenId}`;
}

function ruleInWords({ name, line }: Rule, { name: source }: Source): string {
  return `"${name}", line ${line} of the ${source === "file" ? "policy file" : "workspace's policy"}`;
}

function denied({ message, rule, retryAfterSeconds }: Denial, source: Source): SchedulerError {
  const told = rule
    ? ruleInWords(rule, source)
    : `the ${source.name === "file" ? "policy file" : "workspace's policy"}`;
  const where = rule ? `rule ${told}` : told;
  const wait = retryAfterSeconds === undefined ? "" : ` Try again in ${retryAfterSeconds} s.`;
  return new SchedulerError("policy_denied", `Policy denied (${where}): ${message}.`, {
    hint: `${wait === "" ? "Change the call so that the policy allows it, or leave it." : wait.trim()} Users see the policy with GET /v1/policy.`,
    rule: rule ? told : source.name,
    reason: message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

function rejected({ id, rule, comment, decided_by }: ApprovalRow): SchedulerError {
  const why = comment === null ? "" : `: ${comment}`;
  return new SchedulerError("policy_denied", `${decided_by} rejected this call${why}.`, {
    hint: "Do not send it again as it is; ask what is wanted instead.",
    rule,
    reason: `rejected as ${toPublicId("appr", id)}${why}`,
  });
}

function approvalNeeded({ id, rule, reason, expires_at }: ApprovalRow): SchedulerError {
  const publicId = toPublicId("appr", id);
  return new SchedulerError("approval_required", `This call needs somebody's approval (rule ${rule}).`, {
    hint: `It waits as ${publicId} until ${expires_at.toISOString()}. A user decides with POST /v1/approvals/${publicId}/approve; then send exactly this call again, once.`,
    rule,
    reason: reason ?? `waits for approval as ${publicId}`,
  });
}
