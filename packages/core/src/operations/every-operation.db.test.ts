import { sql } from "kysely";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Input,
  type Operation,
  type OperationName,
  operations,
  type Operations,
  type Output,
} from "@org/scheduler-contract";
import { newId } from "../ids.ts";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";
import { createWorkspace, insertFirstToken } from "../workspaces/workspaces.sql.ts";
import type { Caller } from "../access/caller.ts";
import { generateToken } from "../access/tokens.ts";

// What holds for every operation, also for one that is added tomorrow.

const now = new Date("2026-03-01T12:00:00Z");
const { setup } = testBench({ clock: testClock(now) });
let live: Caller;
let testHalf: Caller;
let elsewhere: Caller;
let reader: Caller;
let agent: Caller;
let service: Caller;
let system: Caller;

beforeAll(async () => {
  live = setup.caller;
  testHalf = await newCaller({ mode: "test" });
  reader = await newCaller({ read_only: true });
  agent = await newCaller({ kind: "agent", agent: "researcher" });
  service = await newCaller({ kind: "service" });
  system = await newCaller({ kind: "system" });
  elsewhere = await newWorkspace();
});

function execute(name: OperationName, input: object, caller?: Caller): Promise<unknown> {
  return setup.scheduler.execute(name, input as Input<OperationName>, caller);
}

async function newCaller(fields: Partial<Input<"create_token">>): Promise<Caller> {
  const { token } = await setup.scheduler.execute("create_token", { name: "a caller", ...fields }, live);
  return setup.scheduler.authenticate(token);
}

async function newWorkspace(): Promise<Caller> {
  const token = generateToken("user", "live");
  await setup.scheduler.engine.database.db.transaction().execute(async (tx) => {
    const ids = { workspaceId: newId(now), userId: newId(now) };
    const admin = await createWorkspace(tx, { ...ids, email: "other@localhost", passwordHash: "-", at: now });
    await insertFirstToken(tx, {
      id: newId(now),
      userId: admin.userId,
      scopeId: admin.liveScopeId,
      ...token,
    });
  });
  return setup.scheduler.authenticate(token.token);
}

async function newJob(caller = live): Promise<string> {
  const input = { name: "a job", url: "https://a.example", cron: "0 9 * * *" };
  return (await setup.scheduler.execute("create_job", input, caller)).id;
}

async function newRun(caller = live): Promise<string> {
  return (await setup.scheduler.execute("run_job", { job_id: await newJob(caller) }, caller)).id;
}

/** One that is over, so that nobody waits for it. */
async function newExecution(caller = live): Promise<string> {
  const execution_id = await newRun(caller);
  return (await setup.scheduler.execute("cancel_execution", { execution_id }, caller)).id;
}

async function newReplay(caller = live): Promise<string> {
  const execution_ids = [await newExecution(caller)];
  const input = { execution_ids, status: "canceled" } as const;
  return (await setup.scheduler.execute("replay_executions", input, caller)).id!;
}

async function newAgent(caller = live): Promise<string> {
  const name = `agent-${caller.scopeId}`;
  const { data } = await setup.scheduler.execute("list_agents", {}, caller);
  if (!data.some((agent) => agent.name === name))
    await setup.scheduler.execute("register_agent", { name, url: "https://agent.example" }, caller);
  return name;
}

async function newSchedule(caller = live): Promise<string> {
  const input = { name: "a job", agent: await newAgent(caller), message: "Hello", cron: "0 9 * * *" };
  return (await setup.scheduler.execute("create_job", input, caller)).id;
}

async function newOther(caller = live): Promise<string> {
  const name = `other-${caller.scopeId}`;
  await setup.scheduler
    .execute("register_agent", { name, url: "https://agent.example" }, caller)
    .catch(() => {});
  return name;
}

async function newToken(caller = live): Promise<string> {
  return (await setup.scheduler.execute("create_token", { name: "a token", mode: caller.mode }, caller)).id;
}

async function newUser(caller = live): Promise<string> {
  const input = { email: `${newId(now)}@localhost`, password: "long enough" };
  // A user is in a workspace, whatever the half.
  return (await setup.scheduler.execute("create_user", input, caller === testHalf ? live : caller)).id;
}

async function newWorkspaceOf(caller = live): Promise<string> {
  return (await setup.scheduler.execute("create_workspace", { name: "one more" }, caller)).id;
}

async function newSigningSecret(caller = live): Promise<string> {
  return (await setup.scheduler.execute("create_signing_secret", {}, caller)).id;
}

/** One that has failed, so that it may be retried. */
async function newDelivery(caller = live): Promise<string> {
  const callback = {
    name: "a",
    url: "https://a.example",
    cron: "0 9 * * *",
    callback_url: "https://a.example/done",
  };
  const { id: job_id } = await setup.scheduler.execute("create_job", callback, caller);
  const { id: execution_id } = await setup.scheduler.execute("run_job", { job_id }, caller);
  await setup.scheduler.execute("cancel_execution", { execution_id }, caller);
  await sql`
    update scheduler.deliveries set status = 'failed', due_at = null, finished_at = created_at`.execute(
    setup.scheduler.engine.database.db,
  );
  return (await setup.scheduler.execute("list_deliveries", { execution_id }, caller)).data[0]!.id;
}

async function newSecret(caller = live): Promise<string> {
  const input = { name: "a-secret", value: "hush-hush", replace: true };
  return (await setup.scheduler.execute("create_secret", input, caller)).id;
}

async function newChannel(caller = live): Promise<string> {
  const input = { name: "a channel", type: "webhook", url: "https://a.example/told" } as const;
  return (await setup.scheduler.execute("create_channel", input, caller)).id;
}

async function newQueue(caller = live): Promise<void> {
  await setup.scheduler.execute("pause_queue", { name: `queue-${caller.scopeId}` }, caller);
}

/** An execution of a schedule. */
async function newScheduled(caller = live): Promise<object> {
  const schedule_id = await newSchedule(caller);
  await setup.scheduler.execute("run_job", { job_id: schedule_id }, caller);
  return { schedule_id };
}

const asking = "tools: {create_secret: {rules: [{action: require_approval}]}}";

/** A call that waits for somebody; the policy that asks for it is in force no longer. */
async function newApproval(caller = live): Promise<string> {
  // A policy is of a workspace, whatever the half.
  const manager = caller === testHalf ? live : caller;
  await setup.scheduler.execute("put_policy", { policy: asking }, manager);
  const name = `secret-${newId(now).slice(-12)}`;
  await setup.scheduler.execute("create_secret", { name, value: "hush-hush" }, caller).catch(() => {});
  await setup.scheduler.execute("put_policy", { policy: "" }, manager);
  return (await setup.scheduler.execute("list_approvals", {}, caller)).data[0]!.id;
}

async function newRule(caller = live): Promise<string> {
  const input = { channel_id: await newChannel(caller), event: "on_failure" } as const;
  return (await setup.scheduler.execute("add_rule", input, caller)).id;
}

/** What a caller has, by the field that names it. */
const belongings: Record<string, (caller?: Caller) => Promise<string>> = {
  job_id: newJob,
  execution_id: newExecution,
  token_id: newToken,
  user_id: newUser,
  workspace_id: newWorkspaceOf,
  replay_id: newReplay,
  signing_secret_id: newSigningSecret,
  delivery_id: newDelivery,
  secret_id: newSecret,
  channel_id: newChannel,
  alert_channel_id: newChannel,
  rule_id: newRule,
  approval_id: newApproval,
  schedule_id: newSchedule,
  agent: newAgent,
  other: newOther,
};

const samples: Record<string, unknown> = {
  name: "a-name",
  key: "a-key",
  url: "https://a.example",
  jobs: [{ name: "a job", url: "https://a.example" }],
  job_id: "job_01h455vb4pex5vsknk084sn02q",
  execution_id: "exec_01h455vb4pex5vsknk084sn02q",
  token_id: "tok_01h455vb4pex5vsknk084sn02q",
  user_id: "usr_01h455vb4pex5vsknk084sn02q",
  email: "somebody@localhost",
  role: "member",
  replay_id: "rpl_01h455vb4pex5vsknk084sn02q",
  delivery_id: "dlv_01h455vb4pex5vsknk084sn02q",
  secret_id: "sec_01h455vb4pex5vsknk084sn02q",
  channel_id: "chan_01h455vb4pex5vsknk084sn02q",
  rule_id: "rule_01h455vb4pex5vsknk084sn02q",
  approval_id: "appr_01h455vb4pex5vsknk084sn02q",
  policy: "",
  value: "hush-hush",
  type: "webhook",
  event: "on_failure",
  agent: "an-agent",
  other: "another-agent",
  schedule_id: "job_01h455vb4pex5vsknk084sn02q",
  message: "Hello",
  signing_secret_id: "sgn_01h455vb4pex5vsknk084sn02q",
};

/** An input with every field that must be there. */
function sampleInput({ input, missing }: Operation): object {
  const needed = Object.keys(input.shape).filter(
    (field) => !input.shape[field]!.safeParse(undefined).success,
  );
  const fields = Object.fromEntries(needed.map((field) => [field, samples[field]]));
  // One of several has to be there.
  return missing && missing(fields).length > 0 ? { ...fields, url: samples["url"] } : fields;
}

async function count(tables = ["jobs", "revisions", "executions", "tokens", "audit"]): Promise<unknown> {
  const counts = tables.map((table) => `(select count(*) from scheduler.${table}) as ${table}`);
  const { rows } = await sql.raw(`select ${counts.join(", ")}`).execute(setup.scheduler.engine.database.db);
  return rows[0];
}

const guarded = Object.values<Operation>(operations)
  .filter((operation) => operation.access !== "public")
  .map((operation) => ({ name: operation.name as OperationName, operation }));

describe("an operation needs a caller, and known fields", () => {
  test.each(guarded)("$name", async ({ name, operation }) => {
    const before = await count();
    const input = sampleInput(operation);
    await expect(execute(name, input)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(execute(name, { ...input, nope: 1 }, live)).rejects.toMatchObject({
      code: "invalid_input",
      field: "nope",
    });
    expect(await count()).toEqual(before);
  });

  test("and a known name", async () => {
    for (const name of ["nope", "toString", "__proto__"])
      await expect(execute(name as OperationName, {}, live)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a token may do what the definition says, and what is refused changes nothing", () => {
  const what = ["jobs", "revisions", "executions", "tokens"];
  const callers = () => ({ reader, agent, service, system, live });

  test.each(guarded)("$name", async ({ name, operation }) => {
    const { access, risk } = operation;
    for (const [who, caller] of Object.entries(callers())) {
      // Of rules for all jobs, its handler says more.
      if (name === "add_rule" && caller === agent) continue;
      const closed = typeof access === "object" && !access.kinds.includes(caller.kind);
      const may = !closed && (risk === "read" || !caller.readOnly);
      const before = await count(what);
      const error: unknown = await execute(name, sampleInput(operation), caller).catch(
        (thrown: unknown) => thrown,
      );
      const refused = expect.objectContaining({ code: "forbidden", hint: expect.stringMatching(/\w/) });
      if (may) expect(error, who).not.toEqual(refused);
      else expect(error, who).toEqual(refused);
      if (!may || risk === "read") expect(await count(what), who).toEqual(before);
    }
  });
});

/** What a caller has for the other ids that an input needs. */
async function others({ input }: Operation, but: string, caller: Caller): Promise<object> {
  const fields = Object.keys(input.shape).filter(
    (field) => field in belongings && field !== but && !input.shape[field]!.safeParse(undefined).success,
  );
  const own = await Promise.all(fields.map(async (field) => [field, await belongings[field]!(caller)]));
  return Object.fromEntries(own) as object;
}

/** A job is for a URL or for an agent, not for both. */
function besides(field: string, { input }: Operation): object {
  const isEither = field === "agent" && "url" in input.shape && "message" in input.shape;
  return isEither ? { url: undefined, message: "Hello" } : {};
}

/** A token of the other half would be refused for that alone. */
function modeOf(name: OperationName, { mode }: Caller): object {
  return name === "create_token" ? { mode } : {};
}

/** What an operation takes by the name of something without being about it. */
const filters = ["list_jobs agent", "pause_jobs agent", "resume_jobs agent", "create_token agent"];

describe("what belongs to another half or workspace is not there", () => {
  const named = guarded.flatMap(({ name, operation }) =>
    Object.keys(operation.input.shape)
      .filter((field) => field in belongings && !filters.includes(`${name} ${field}`))
      .map((field) => ({ name, field, operation })),
  );

  test.each(named)("$name by $field", async ({ name, field, operation }) => {
    const parties = { live, testHalf, elsewhere };
    for (const [owner, ownerCaller] of Object.entries(parties)) {
      const id = await belongings[field]!(ownerCaller);
      const waits = "wait_seconds" in operation.input.shape && { wait_seconds: 0 };
      for (const [stranger, caller] of Object.entries(parties)) {
        const input = {
          ...sampleInput(operation),
          ...(await others(operation, field, caller)),
          ...waits,
          ...modeOf(name, caller),
          ...besides(field, operation),
          [field]: id,
        };
        // Tokens of the test half are handed out and taken back from the live half, too.
        const manages = field === "token_id" && stranger === "live" && owner === "testHalf";
        // Users and workspaces have no halves.
        const isShared =
          ["user_id", "workspace_id"].includes(field) && ![owner, stranger].includes("elsewhere");
        if (stranger === owner || manages || isShared) continue;
        await expect(execute(name, input, caller), `${stranger} on ${owner}`).rejects.toMatchObject({
          code: "not_found",
          field,
          message: expect.stringContaining(id),
          hint: expect.stringMatching(/Ids look like|list_agents shows/),
        });
      }
      const input = {
        ...sampleInput(operation),
        ...(await others(operation, field, ownerCaller)),
        ...waits,
        ...modeOf(name, ownerCaller),
        ...besides(field, operation),
        [field]: id,
      };
      const own: unknown = await execute(name, input, ownerCaller).catch((thrown: unknown) => thrown);
      // Whose rule of a job it is, no single field says.
      if (name === "remove_job_rule") continue;
      expect(own, `${owner} itself`).not.toMatchObject({ code: "not_found", field });
    }
  });

  /** What each list has to show; none is left out, or this does not compile. */
  const shown: Record<Listing, (caller: Caller) => Promise<unknown>> = {
    list_tokens: newToken,
    list_workspaces: newWorkspaceOf,
    list_users: newUser,
    list_jobs: newJob,
    list_executions: newExecution,
    list_deliveries: newDelivery,
    list_channels: newChannel,
    list_rules: newRule,
    list_job_rules: newRule,
    list_secrets: newSecret,
    list_queues: newQueue,
    list_signing_secrets: newSigningSecret,
    list_approvals: newApproval,
    list_audit: newQueue,
    list_agents: newAgent,
    list_agent_schedules: newSchedule,
    list_schedule_executions: newScheduled,
    list_agent_executions: newScheduled,
  };

  test.each(Object.entries(shown))("%s", async (name, make) => {
    const operation: Operation = operations[name as Listing];
    const hasHalves = !["list_users", "list_workspaces", "list_tokens"].includes(name);
    const callers = hasHalves ? [live, testHalf, elsewhere] : [live, elsewhere];
    const asked: object[] = [];
    for (const caller of callers) {
      const made = await make(caller);
      const of = name === "list_schedule_executions" ? (made as object) : {};
      asked.push({ ...(await others(operation, "", caller)), ...of });
    }
    const rows: string[][] = [];
    for (const [index, caller] of callers.entries()) {
      const { data } = (await execute(name as OperationName, asked[index]!, caller)) as {
        data: { id?: string; name?: string }[];
      };
      expect(data.length).toBeGreaterThan(0);
      rows.push(data.map((row) => row.id ?? row.name!));
    }
    const all = rows.flat();
    if (name !== "list_queues") expect(new Set(all).size).toBe(all.length);
    else expect(rows.map((names) => names.length)).toEqual(callers.map(() => 1));
  });

  test("and an id that is none, or of something else, is told the same way", async () => {
    for (const job_id of ["7", await newExecution(), samples["job_id"] as string, `${await newJob()}x`])
      await expect(execute("get_job", { job_id }, live)).rejects.toMatchObject({
        code: "not_found",
        field: "job_id",
      });
  });
});

describe("a dry run", () => {
  const triable = guarded.filter(({ operation }) => "dry_run" in operation.input.shape);

  test.each(triable)(
    "of $name writes nothing, and needs what the real thing needs",
    async ({ operation }) => {
      const name = operation.name as OperationName;
      const input = { ...sampleInput(operation), dry_run: true };
      if ("all" in operation.input.shape) Object.assign(input, { all: true });
      if ("job_id" in input) input.job_id = await newJob();
      if ("agent" in input) input.agent = await newAgent();
      if ("schedule_id" in input) input.schedule_id = await newSchedule();
      const before = await count();
      for (let time = 0; time < 2; time++)
        expect(await execute(name, input, live)).toMatchObject({ dry_run: true });
      await expect(execute(name, input, reader)).rejects.toMatchObject({ code: "forbidden" });
      if ("job_id" in input)
        await expect(execute(name, input, elsewhere)).rejects.toMatchObject({ code: "not_found" });
      expect(await count()).toEqual(before);
    },
  );

  test("is a matter of jobs, and of many executions", () => {
    expect(triable.map(({ name }) => name)).toEqual([
      "create_job",
      "put_job",
      "update_job",
      "pause_jobs",
      "resume_jobs",
      "replay_executions",
      "purge_executions",
      "create_agent_schedule",
      "update_agent_schedule",
    ]);
  });
});

type Listing = {
  [Name in OperationName]: Output<Name> extends { data: unknown[]; next_cursor: string | null }
    ? Name
    : never;
}[OperationName];

type Changing = {
  [Name in OperationName]: Operations[Name]["risk"] extends "read" ? never : Name;
}[OperationName];

describe("the audit", () => {
  /** How each change comes about; `login` changes nothing of anybody's. */
  const changes: Record<Exclude<Changing, "login">, () => Promise<object>> = {
    create_token: async () => ({ name: "a token" }),
    logout: async () => ({}),
    rotate_token: async () => ({ token_id: await newToken() }),
    delete_token: async () => ({ token_id: await newToken() }),
    create_workspace: async () => ({ name: "another" }),
    create_user: async () => ({ email: `${newId(now)}@localhost`, password: "long enough" }),
    update_user: async () => ({ user_id: await newUser(), role: "admin" }),
    delete_user: async () => ({ user_id: await newUser() }),
    create_job: async () => ({ name: "a job", url: "https://a.example" }),
    put_job: async () => ({ key: "a-key", name: "a job", url: "https://a.example" }),
    create_jobs: async () => ({ jobs: [{ name: "a job", url: "https://a.example" }] }),
    update_job: async () => ({ job_id: await newJob(), name: "b" }),
    pause_job: async () => ({ job_id: await newJob() }),
    resume_job: async () => ({ job_id: await newJob() }),
    pause_jobs: async () => ({ job_ids: [await newJob()] }),
    resume_jobs: async () => ({ job_ids: [await newJob()] }),
    run_job: async () => ({ job_id: await newJob() }),
    cancel_job: async () => ({ job_id: await newJob() }),
    delete_job: async () => ({ job_id: await newJob() }),
    replay_execution: async () => ({ execution_id: await newExecution() }),
    cancel_execution: async () => ({ execution_id: await newRun() }),
    replay_executions: async () => ({ execution_ids: [await newExecution()], status: "canceled" }),
    purge_executions: async () => ({ execution_ids: [await newExecution()], status: "canceled" }),
    cancel_replay: async () => ({ replay_id: await newReplay() }),
    put_policy: async () => ({ policy: "default: allow" }),
    approve_call: async () => ({ approval_id: await newApproval() }),
    reject_call: async () => ({ approval_id: await newApproval() }),
    register_agent: async () => ({ name: "b-agent", url: "https://agent.example" }),
    update_agent: async () => ({ agent: await newAgent(), description: "b" }),
    delete_agent: async () => ({ agent: await newAgent() }),
    permit_agent: async () => ({ agent: await newAgent(), other: await newOther() }),
    forbid_agent: async () => ({ agent: await newAgent(), other: await newOther() }),
    create_agent_schedule: async () => ({ agent: await newAgent(), name: "b", message: "Hello" }),
    update_agent_schedule: async () => ({ ...(await newScheduleOf()), message: "Bye" }),
    delete_agent_schedule: newScheduleOf,
    enable_agent_schedule: newScheduleOf,
    disable_agent_schedule: newScheduleOf,
    trigger_agent_schedule: newScheduleOf,
    update_queue: async () => ({ name: "a-queue", concurrency: 1 }),
    pause_queue: async () => ({ name: "a-queue" }),
    resume_queue: async () => ({ name: "a-queue" }),
    retry_delivery: async () => ({ delivery_id: await newDelivery() }),
    create_secret: async () => ({ name: "b-secret", value: "hush-hush", replace: true }),
    delete_secret: async () => ({ secret_id: await newSecret() }),
    create_channel: async () => ({ name: "b", type: "webhook", url: "https://a.example" }),
    update_channel: async () => ({ channel_id: await newChannel(), name: "b" }),
    delete_channel: async () => ({ channel_id: await newChannel() }),
    test_channel: async () => ({ channel_id: await newChannel(), wait_seconds: 0 }),
    add_rule: async () => ({ channel_id: await newChannel(), event: "on_failure" }),
    remove_rule: async () => ({ rule_id: await newRule() }),
    add_job_rule: async () => ({
      job_id: await newJob(),
      channel_id: await newChannel(),
      event: "on_failure",
    }),
    remove_job_rule: async () => newJobRule(),
    create_signing_secret: async () => ({}),
    delete_signing_secret: async () => ({ signing_secret_id: await newSigningSecret() }),
  };

  async function newScheduleOf() {
    return { schedule_id: await newSchedule(), agent: await newAgent() };
  }

  async function newJobRule(): Promise<object> {
    const input = { job_id: await newJob(), channel_id: await newChannel(), event: "on_failure" } as const;
    const { id: rule_id } = await setup.scheduler.execute("add_rule", input, live);
    return { job_id: input.job_id, rule_id };
  }

  async function audited(): Promise<unknown[]> {
    const { rows } = await sql`
      select operation, target, caller, at, scope_id, token_id, outcome, error_code, times from scheduler.audit`.execute(
      setup.scheduler.engine.database.db,
    );
    return rows;
  }

  /** What a change is about that answers with no id. */
  const targetIn = (input: object): unknown =>
    Object.entries(input).find(([field]) => field === "channel_id" || field === "token_id")?.[1] ?? null;

  test.each(Object.entries(changes))("has one row for %s", async (name, prepare) => {
    const input = await prepare();
    await sql`delete from scheduler.audit`.execute(setup.scheduler.engine.database.db);
    const { id } = (await execute(name as OperationName, input, live)) as { id?: string };
    const { scopeId: scope_id, tokenId: token_id } = live;
    const done = { outcome: "done", error_code: null, times: 1 };
    expect(await audited()).toEqual([
      {
        operation: name,
        target: id ?? targetIn(input),
        caller: "user:bootstrap",
        at: now,
        scope_id,
        token_id,
        ...done,
      },
    ]);
  });
});
