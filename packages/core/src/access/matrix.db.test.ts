import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Input, OperationName } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { type MatrixAction, type MatrixParty, testClock, trinityMatrix } from "../testing/index.ts";
import type { Caller } from "./caller.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run } = testBench({ clock });

type Who =
  | "owner"
  | "sharer"
  | "stranger"
  | "selfKey"
  | "permittedKey"
  | "permittingKey"
  | "otherKey"
  | "system"
  | "service"
  | "memberOwner";

/** What each of them is to the agent `worker`. */
const relations: Record<Who, MatrixParty> = {
  owner: "own",
  sharer: "shared",
  stranger: "other",
  selfKey: "self",
  permittedKey: "permitted",
  // It lets `worker` look after its schedules, which gives it nothing.
  permittingKey: "other",
  otherKey: "other",
  system: "system",
  service: "system",
  memberOwner: "own",
};

const reading: MatrixAction[] = ["list", "get", "executions"];
const callers = {} as Record<Who, Caller>;
let users = 0;

async function key(fields: Partial<Input<"create_token">>, maker?: Caller): Promise<Caller> {
  const { token } = await run("create_token", { name: "a key", ...fields }, maker);
  return setup.scheduler.authenticate(token);
}

async function user(): Promise<{ email: string; caller: Caller }> {
  const email = `user${users++}@localhost`;
  const { id } = await run("create_user", { email, role: "admin" });
  return { email, caller: await key({ user_id: id }) };
}

const agent = (name: string, caller: Caller, shared_with: string[] = []) =>
  run("register_agent", { name, url: "https://agent.example/in", shared_with }, caller);

let sharedWith: string;

beforeAll(async () => {
  const [owner, sharer, stranger] = [await user(), await user(), await user()];
  sharedWith = sharer.email;
  Object.assign(callers, { owner: owner.caller, sharer: sharer.caller, stranger: stranger.caller });
  callers.memberOwner = { ...callers.owner, role: "member" };
  callers.system = await key({ kind: "system" });
  callers.service = await key({ kind: "service" });
  const keyOf = (name: string) => key({ kind: "agent", agent: name }, owner.caller);
  callers.selfKey = await keyOf("worker");
  callers.permittedKey = await keyOf("head");
  callers.permittingKey = await keyOf("permitting");
  callers.otherKey = await keyOf("other");
});

beforeEach(async () => {
  await agent("worker", callers.owner, [sharedWith]);
  for (const name of ["head", "permitting", "other"]) await agent(name, callers.owner);
  await run("permit_agent", { agent: "head", other: "worker" }, callers.owner);
  await run("permit_agent", { agent: "worker", other: "permitting" }, callers.owner);
});

const hello = { agent: "worker", message: "Hello", name: "greeting", cron: "0 9 * * *" };

/** A schedule of the agent with an execution that is over. */
async function schedule(): Promise<{ job_id: string; execution_id: string }> {
  const { id: job_id } = await run("create_job", hello, callers.system);
  const { id: execution_id } = await run("run_job", { job_id }, callers.system);
  await run("cancel_execution", { execution_id }, callers.system);
  return { job_id, execution_id };
}

type Call = [name: OperationName, input: object];

/** All that comes down to one thing done with a schedule: under the agent, and as what a schedule is, a job. */
function waysTo(action: MatrixAction, job_id: string, execution_id: string): Call[] {
  const of = { agent: "worker", schedule_id: job_id };
  switch (action) {
    case "list":
      return [["list_agent_schedules", { agent: "worker" }]];
    case "create":
      return [
        ["create_agent_schedule", hello],
        ["create_job", hello],
        ["put_job", { ...hello, key: "greeting" }],
        ["create_jobs", { jobs: [hello] }],
      ];
    case "get":
      return [
        ["get_agent_schedule", of],
        ["get_job", { job_id }],
        ["explain_job", { job_id }],
        ["list_job_rules", { job_id }],
      ];
    case "update":
      return [
        ["update_agent_schedule", { ...of, message: "Bye" }],
        ["update_job", { job_id, message: "Hi" }],
      ];
    case "delete":
      return [
        ["delete_agent_schedule", of],
        ["delete_job", { job_id }],
        ["cancel_job", { job_id }],
      ];
    case "toggle":
      return [
        ["disable_agent_schedule", of],
        ["enable_agent_schedule", of],
        ["pause_job", { job_id }],
        ["resume_job", { job_id }],
      ];
    case "trigger":
      return [
        ["trigger_agent_schedule", of],
        ["run_job", { job_id }],
        ["replay_execution", { execution_id }],
        ["cancel_execution", { execution_id }],
      ];
    case "executions":
      return [
        ["list_schedule_executions", of],
        ["list_agent_executions", { agent: "worker" }],
        ["list_executions", { job_id }],
        ["list_deliveries", { job_id }],
        ["get_execution", { execution_id }],
        ["wait_for_execution", { execution_id, wait_seconds: 0 }],
      ];
  }
}

const execute = (name: OperationName, input: object, caller: Caller): Promise<unknown> =>
  setup.scheduler.execute(name, input as Input<OperationName>, caller);

/** What an error says, without the ids that it repeats. */
async function refusal(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    () => "it was done",
    (thrown: unknown) => thrown,
  );
  const { code, message, hint, field } = error as Record<string, unknown>;
  return { code, hint, field, message: String(message).replace(/[a-z]+_[0-9a-z]{26}|worker|nobody/g, "…") };
}

const cells = (Object.keys(trinityMatrix) as MatrixAction[]).flatMap((action) =>
  (Object.keys(relations) as Who[]).map((who) => ({
    action,
    who,
    may: trinityMatrix[action][relations[who]] && (who !== "memberOwner" || reading.includes(action)),
  })),
);

test.each(cells)("$action by $who: $may", async ({ action, who, may }) => {
  const { job_id, execution_id } = await schedule();
  const gone = {
    job_id: job_id.replace(/.{6}$/, "zzzzzz"),
    execution_id: execution_id.replace(/.{6}$/, "zzzzzz"),
  };
  for (const [index, [name]] of waysTo(action, job_id, execution_id).entries()) {
    // What was deleted cannot be deleted once more.
    const fresh = action === "delete" ? await schedule() : { job_id, execution_id };
    const [, now] = waysTo(action, fresh.job_id, fresh.execution_id)[index]!;
    if (may) await execute(name, now, callers[who]);
    else if (who === "memberOwner")
      await expect(execute(name, now, callers[who]), name).rejects.toMatchObject({ code: "forbidden" });
    else {
      const missing = waysTo(action, gone.job_id, gone.execution_id)[index]!;
      const nobody = JSON.parse(JSON.stringify(missing[1]).replaceAll('"worker"', '"nobody"')) as object;
      const told = await refusal(execute(name, now, callers[who]));
      expect(told, name).toMatchObject({ code: "not_found" });
      expect(told, name).toEqual(await refusal(execute(name, nobody, callers[who])));
    }
  }
});

describe("lists leave out what is not the caller's to see", () => {
  test.each(Object.entries(relations) as [Who, MatrixParty][])("for %s", async (who, party) => {
    const { job_id, execution_id } = await schedule();
    const sees = trinityMatrix.list[party];
    const caller = callers[who];
    const ids = async (name: "list_jobs" | "list_executions", input = {}) =>
      (await run(name, { limit: 100, ...input }, caller)).data.map(({ id }) => id);
    expect((await ids("list_jobs")).includes(job_id)).toBe(sees);
    expect((await ids("list_jobs", { agent: "worker" })).includes(job_id)).toBe(sees);
    expect((await ids("list_executions")).includes(execution_id)).toBe(sees);
    expect((await ids("list_executions", { status: "canceled" })).includes(execution_id)).toBe(sees);
    const counted = await run("list_executions", { counts: true }, caller);
    expect(counted.counts!.total > 0).toBe(sees);
    const agents = (await run("list_agents", {}, caller)).data.map(({ name }) => name);
    expect(agents.includes("worker")).toBe(sees);
    const toggles = await execute("pause_jobs", { agent: "worker", dry_run: true }, callers[who]).catch(
      (error: unknown) => error,
    );
    if (who === "memberOwner") expect(toggles).toMatchObject({ code: "forbidden" });
    else expect(toggles).toMatchObject({ matched: sees ? 1 : 0 });
    const replays = { status: "canceled", all: true, dry_run: true } as const;
    if (who !== "memberOwner")
      expect((await run("replay_executions", replays, caller)).matched).toBe(sees ? 1 : 0);
    const purges = trinityMatrix.delete[party] ? 1 : 0;
    if (who !== "memberOwner") expect((await run("purge_executions", replays, caller)).matched).toBe(purges);
  });
});

describe("a plain job that an agent's key makes", () => {
  const plain = { name: "plain", url: "https://a.example", cron: "0 9 * * *" };

  test("is that agent's: other agents do not see it, whatever they are permitted", async () => {
    const { id: job_id, agent: owner } = await run("create_job", plain, callers.selfKey);
    expect(owner).toBe("worker");
    await run("update_job", { job_id, name: "changed" }, callers.selfKey);
    for (const who of ["permittedKey", "otherKey", "permittingKey"] as const) {
      await expect(run("get_job", { job_id }, callers[who])).rejects.toMatchObject({ code: "not_found" });
      expect((await run("list_jobs", {}, callers[who])).data).toEqual([]);
    }
    for (const who of ["owner", "stranger", "system", "service"] as const)
      expect((await run("get_job", { job_id }, callers[who])).agent).toBe("worker");
  });

  test("is all that its key sees beside schedules: not the jobs of people, nor who deleted them", async () => {
    const { id: job_id } = await run("create_job", plain);
    const gone = await run("create_job", plain);
    await run("delete_job", { job_id: gone.id });
    for (const id of [job_id, gone.id])
      await expect(run("get_job", { job_id: id }, callers.selfKey)).rejects.toMatchObject({
        code: "not_found",
        message: `There is no job ${id}.`,
      });
    expect((await run("list_jobs", {}, callers.selfKey)).data).toEqual([]);
    const answers = await Promise.all(
      [callers.selfKey, callers.owner].map((caller) =>
        run("create_job", { ...plain, idempotency_key: "same" }, caller),
      ),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(2);
    await run("create_job", { ...plain, key: "nightly" });
    const taken = run("put_job", { ...plain, key: "nightly" }, callers.selfKey);
    await expect(taken).rejects.toMatchObject({ code: "conflict", field: "key" });
  });

  test("stays whose it is when somebody else declares it again", async () => {
    await run("put_job", { ...plain, key: "tick" }, callers.selfKey);
    const changed = await run("put_job", { ...plain, key: "tick", name: "renamed" }, callers.owner);
    expect(changed).toMatchObject({ name: "renamed", agent: "worker" });
  });
});

test("what all jobs share is not an agent's to change, but what it made itself", async () => {
  const channel = { name: "ops", type: "webhook", url: "https://a.example/told" } as const;
  const ours = await run("create_channel", channel);
  const own = await run("create_channel", channel, callers.selfKey);
  await run("create_channel", channel, callers.otherKey);
  const seen = (await run("list_channels", {}, callers.selfKey)).data.map(({ id }) => id);
  expect(seen).toEqual(expect.arrayContaining([ours.id, own.id]));
  expect(seen).toHaveLength(2);
  const none = { code: "not_found" };
  await expect(run("delete_channel", { channel_id: ours.id }, callers.selfKey)).rejects.toMatchObject(none);
  await run("delete_channel", { channel_id: own.id }, callers.selfKey);
  const secret = await run("create_secret", { name: "token", value: "hush-hush" });
  const replaced = { name: "token", value: "other-one", replace: true };
  await expect(run("create_secret", replaced, callers.selfKey)).rejects.toMatchObject({ code: "conflict" });
  await expect(run("delete_secret", { secret_id: secret.id }, callers.selfKey)).rejects.toMatchObject(none);
  await run("create_secret", { name: "theirs", value: "hush-hush" }, callers.otherKey);
  expect((await run("list_secrets", {}, callers.selfKey)).data.map(({ name }) => name)).toEqual(["token"]);
  const naming = (name: string) =>
    run(
      "create_job",
      { name: "a", url: "https://evil.example", headers: { "X-Key": `secret://${name}` } },
      callers.selfKey,
    );
  await naming("token");
  await expect(naming("theirs")).rejects.toMatchObject({ code: "forbidden", field: "headers" });
  await Promise.all(
    [
      run("pause_queue", { name: "default" }, callers.selfKey),
      run("add_rule", { channel_id: ours.id, event: "on_failure" }, callers.selfKey),
      run("permit_agent", { agent: "worker", other: "other" }, callers.selfKey),
      run("update_agent", { agent: "worker", url: "https://evil.example" }, callers.selfKey),
    ].map((refused) => expect(refused).rejects.toMatchObject({ code: "forbidden" })),
  );
});
