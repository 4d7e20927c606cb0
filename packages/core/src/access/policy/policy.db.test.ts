import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { CallFace, Input, OperationName } from "@org/scheduler-contract";
import { testBench } from "../../testing/bench.ts";
import { createScheduler } from "../../scheduler.ts";
import { testClock } from "../../testing/index.ts";
import type { Caller } from "../caller.ts";

const clock = testClock("2026-03-01T12:00:30.000Z");
const { setup, run } = testBench({ clock });

afterEach(async () => {
  await run("put_policy", { policy: "" });
});

const put = (policy: Input<"put_policy">["policy"]) => run("put_policy", { policy });

async function agentKey(): Promise<Caller> {
  const made = await run("create_token", { name: "a key", kind: "agent", agent: "researcher" });
  return setup.scheduler.authenticate(made.token);
}

const job: Input<"create_job"> = { name: "a job", url: "https://api.example.com/x", draft: true };
const denied = (reason: string) => ({
  code: "policy_denied",
  reason: expect.stringContaining(reason) as string,
  hint: expect.stringMatching(/\w/) as string,
});

const seed = `tools:
  cancel_run:
    rules:
      - action: allow
        rate_limit:
          max: 10
          window: 60
        validate:
          required_args: true
`;

describe("the seed's policy on cancel_run", () => {
  const call = (args: object): CallFace => ({
    dialect: "trigger",
    tool: "cancel_run",
    args,
    required: ["runId"],
  });
  const missing = { execution_id: "exec_01h455vb4pex5vsknk084sn02q" };
  const cancel = (caller: Caller, args: object) =>
    setup.scheduler.execute("cancel_execution", missing, caller, { face: call(args) });

  test("denies the eleventh call within 60 s of the first, and calls without their argument, which do not count", async () => {
    await put(seed);
    const caller = await agentKey();
    for (let time = 0; time < 3; time++)
      await expect(cancel(caller, {})).rejects.toMatchObject(denied('"runId" is required'));
    for (let time = 0; time < 10; time++) {
      await expect(cancel(caller, { runId: "run_1" })).rejects.toMatchObject({ code: "not_found" });
      clock.advance(1000);
    }
    const eleventh = cancel(caller, { runId: "run_1" });
    await expect(eleventh).rejects.toMatchObject({
      ...denied("Rate limit of 10 per 60 s"),
      retryAfterSeconds: 50,
      rule: `"cancel_run#1", line 4 of the workspace's policy`,
    });
    // Somebody else's calls are counted by themselves, and by its own name the operation is not meant.
    await expect(cancel(await agentKey(), { runId: "run_1" })).rejects.toMatchObject({ code: "not_found" });
    await expect(run("cancel_execution", missing, caller)).rejects.toMatchObject({ code: "not_found" });
    clock.advance(50_000);
    await expect(cancel(caller, { runId: "run_1" })).rejects.toMatchObject({ code: "not_found" });
  });

  test("is about one dialect's tool alone where it names the dialect", async () => {
    await put("tools:\n  recuro/cancel_run: {rules: [{action: deny}]}\n");
    const caller = await agentKey();
    await expect(cancel(caller, { runId: "run_1" })).rejects.toMatchObject({ code: "not_found" });
    await put("tools:\n  trigger/cancel_run: {rules: [{action: deny, reason: Never}]}\n");
    await expect(cancel(caller, { runId: "run_1" })).rejects.toMatchObject(denied("Never"));
  });

  test("lists a dialect's call by either of its names, and hides it by either", async () => {
    const caller = await agentKey();
    await put("default: deny\ntools: {cancel_run: {rules: []}}");
    await expect(cancel(caller, {})).rejects.toMatchObject({ code: "not_found" });
    await put("hide: [cancel_execution]");
    await expect(cancel(caller, {})).rejects.toMatchObject(denied("hidden"));
  });
});

test("N/minute is a minute of the calendar in UTC", async () => {
  await put("tools: {list_jobs: {rules: [{rate_limit: 2/minute}]}}");
  const list = () => run("list_jobs", {});
  await list();
  await list();
  await expect(list()).rejects.toMatchObject({ ...denied("2 per minute"), retryAfterSeconds: 30 });
  clock.set("2026-03-01T12:01:00.000Z");
  await list();
});

test("a rule for all tools counts all of them together", async () => {
  await put('tools: {"*": {rules: [{rate_limit: {max: 3, window: 60}}]}}');
  await run("list_jobs", {});
  await run("list_queues", {});
  await run("list_secrets", {});
  await expect(run("list_jobs", {})).rejects.toMatchObject(denied("3 per 60 s"));
  // Or nobody could mend it.
  await run("get_policy", {});
  await run("get_me", {});
});

describe("what is counted", () => {
  test("goes by amounts of arguments, all counters or none", async () => {
    await put(`
tools:
  create_queue_sum:
    rules: []
  run_job:
    rules:
      - conditions: [{path: state.run_job.seconds, op: lt, value: 100}]
        state: {counter: seconds, window: hour, increment_from: args.delay_seconds}
      - rate_limit: 3/hour
`);
    const { id: job_id } = await run("create_job", { ...job, draft: false, when: "in 30d" });
    const go = (delay_seconds: number) => run("run_job", { job_id, delay_seconds });
    await go(60);
    await expect(go(40)).rejects.toMatchObject(denied("seconds"));
    await go(39);
    await go(0);
    await expect(go(0)).rejects.toMatchObject(denied("3 per hour"));
    await expect(run("run_job", { job_id })).rejects.toMatchObject(denied("not negative"));
  });

  test("is no call whose input does not fit, and none that another rule denies", async () => {
    await put(`
tools:
  create_job:
    rules:
      - rate_limit: 1/hour
      - conditions: [{path: args.name, op: neq, value: bad}]
`);
    await expect(run("create_job", { ...job, name: "bad" })).rejects.toMatchObject(denied("bad"));
    await expect(run("create_job", { ...job, url: "nope" })).rejects.toMatchObject({ code: "invalid_input" });
    await run("create_job", job);
    await expect(run("create_job", job)).rejects.toMatchObject(denied("1 per hour"));
  });

  test("is each item of a batch", async () => {
    await put(
      "tools: {create_job: {rules: [{rate_limit: 3/hour}]}, pause_job: {rules: [{rate_limit: 1/hour}]}}",
    );
    await expect(run("create_jobs", { jobs: [job, job, job, job] })).rejects.toMatchObject(
      denied("3 per hour"),
    );
    const { data } = await run("create_jobs", { jobs: [job, job, job] });
    const job_ids = data.map(({ id }) => id);
    await expect(run("pause_jobs", { job_ids })).rejects.toMatchObject(denied("1 per hour"));
    await put('tools: {create_jobs: {rules: [{rate_limit: 2/hour}]}, "*": {rules: [{rate_limit: 4/hour}]}}');
    await run("create_jobs", { jobs: [job, job, job] });
    await expect(run("create_jobs", { jobs: [job, job] })).rejects.toMatchObject(denied("4 per hour"));
    await run("create_jobs", { jobs: [job] });
    await put("tools: {create_job: {rules: [{conditions: [{path: args.name, op: neq, value: bad}]}]}}");
    await expect(run("create_jobs", { jobs: [job, { ...job, name: "bad" }] })).rejects.toMatchObject(
      denied("bad"),
    );
  });
});

describe("a policy", () => {
  test("binds users too, and says by which rule and line", async () => {
    await put(`tools:
  create_job:
    rules:
      - name: only ours
        conditions:
          - {path: args.url, op: regex, value: '^https://api\\.example\\.com/'}
        on_deny: Only api.example.com may be called
`);
    await run("create_job", job);
    const error = run("create_job", { ...job, url: "https://evil.example" });
    await expect(error).rejects.toMatchObject({
      code: "policy_denied",
      rule: `"only ours", line 4 of the workspace's policy`,
      reason: "Only api.example.com may be called",
      message: `Policy denied (rule "only ours", line 4 of the workspace's policy): Only api.example.com may be called.`,
    });
  });

  test("that is bad is refused, and the one before stays in force", async () => {
    await put("tools: {get_slo: {rules: [{action: deny, reason: No}]}}");
    await expect(put("tools: {get_slo: {rules: [{action: x}]}}")).rejects.toMatchObject({
      code: "invalid_policy",
    });
    await expect(run("get_slo", {})).rejects.toMatchObject(denied("No"));
  });

  test("is shown as it was written, with what is strange in it", async () => {
    const text = "# ours\ndefault: allow\ntools: {nope: {rules: []}}\n";
    const stored = await put(text);
    expect(stored).toMatchObject({
      policy: text,
      warnings: [{ line: 3, message: 'there is no tool "nope" here' }],
      updated_by: "user:bootstrap",
      has_file: false,
    });
    expect(await run("get_policy", {})).toEqual(stored);
    expect((await put({ default: "deny" })).policy).toContain('"deny"');
  });

  test("hides what it forbids", async () => {
    await put(
      "default: deny\nhide: [delete_job]\ntools: {list_jobs: {rules: []}, delete_job: {rules: []}, get_job: {rules: [{action: deny}]}}",
    );
    const isOpen = await setup.scheduler.opens!(setup.caller);
    const names: OperationName[] = [
      "list_jobs",
      "delete_job",
      "get_job",
      "create_job",
      "get_policy",
      "get_me",
    ];
    expect(names.filter(isOpen)).toEqual(["list_jobs", "get_policy", "get_me"]);
    const { operations } = await run("get_me", {});
    expect(operations).toContain("list_jobs");
    expect(operations).not.toContain("create_job");
  });

  test("holds for the whole workspace, and for no other", async () => {
    await put("tools: {get_slo: {rules: [{action: deny, reason: No}]}}");
    await expect(run("get_slo", {}, setup.testCaller)).rejects.toMatchObject(denied("No"));
    const { token } = await run("create_token", { name: "t", kind: "service", mode: "test" });
    const fresh = await setup.scheduler.authenticate(token);
    await expect(run("get_slo", {}, fresh)).rejects.toMatchObject(denied("No"));
    const { id } = await run("create_workspace", { name: "other" });
    const made = await run("create_token", { name: "o", workspace_id: id });
    await run("get_slo", {}, await setup.scheduler.authenticate(made.token));
  });
});

test("what does the same by another name is judged by the rules for that, too", async () => {
  const agent = { name: "worker", url: "https://agent.example" };
  await run("register_agent", agent);
  const greeting = { agent: "worker", name: "greeting", message: "Hello", cron: "0 9 1 1 *" };
  const { id: schedule_id } = await run("create_agent_schedule", greeting);
  const only = (tool: string, condition: string) =>
    put(`tools: {${tool}: {rules: [{conditions: [${condition}], reason: by its other name}]}}`);
  const other = denied("by its other name");
  await only("create_job", '{path: args.url, op: regex, value: "^https://api[.]"}');
  await expect(run("put_job", { ...job, key: "k", url: "https://evil.example" })).rejects.toMatchObject(
    other,
  );
  await run("put_job", { ...job, key: "k" });
  await expect(run("create_agent_schedule", greeting)).rejects.toMatchObject(other);
  const of = { agent: "worker", schedule_id };
  await only("run_job", `{path: args.job_id, op: neq, value: ${schedule_id}}`);
  await expect(run("trigger_agent_schedule", of)).rejects.toMatchObject(other);
  await only("delete_job", "{path: args.job_id, op: exists, value: false}");
  await expect(run("delete_agent_schedule", of)).rejects.toMatchObject(other);
  await only("update_queue", "{path: args.paused, op: neq, value: true}");
  await expect(run("pause_queue", { name: "a-queue" })).rejects.toMatchObject(other);
  await run("resume_queue", { name: "a-queue" });
  await put("default: deny\ntools: {put_job: {rules: []}}");
  await run("put_job", { ...job, key: "k" });
});

describe("a call that needs somebody's approval", () => {
  const asking = `tools:
  create_secret:
    rules:
      - name: ask first
        action: require_approval
        conditions: [{path: args.name, op: neq, value: free}]
        approval_timeout: 1h
`;
  const secret = { name: "api-key", value: "hush-hush" };

  test("goes through once, as it was approved, after a user has said so", async () => {
    await put(asking);
    const agent = await agentKey();
    const ask = (input: Input<"create_secret"> = secret) => run("create_secret", input, agent);
    await ask({ name: "free", value: "hush-hush" });
    const needed = {
      code: "approval_required",
      rule: `"ask first", line 4 of the workspace's policy`,
      hint: expect.stringMatching(
        /POST \/v1\/approvals\/appr_\w+\/approve; then send exactly this call again/,
      ) as string,
    };
    await expect(ask()).rejects.toMatchObject(needed);
    await expect(ask()).rejects.toMatchObject(needed);
    const [waiting, ...others] = (await run("list_approvals", { status: "pending" }, agent)).data;
    expect(others).toEqual([]);
    expect(waiting).toMatchObject({
      status: "pending",
      caller: "agent:researcher",
      operation: "create_secret",
      arguments: { name: "api-key", value: "********" },
      expires_at: "2026-03-01T13:00:30.000Z",
    });
    const approval_id = waiting!.id;
    await expect(run("approve_call", { approval_id }, agent)).rejects.toMatchObject({ code: "forbidden" });
    expect(await run("approve_call", { approval_id, comment: "fine" })).toMatchObject({
      status: "approved",
      decided_by: "user:bootstrap",
      comment: "fine",
    });
    await expect(ask({ ...secret, value: "another" })).rejects.toMatchObject({ code: "approval_required" });
    await expect(run("create_secret", secret, await agentKey())).rejects.toMatchObject({
      code: "approval_required",
    });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: "approval_required" });
    expect((await run("list_approvals", { status: "used" }, agent)).data.map(({ id }) => id)).toEqual([
      approval_id,
    ]);
    await expect(run("approve_call", { approval_id })).rejects.toMatchObject({ code: "conflict" });
  });

  test("is approved for one of two that come at once, and again where the first failed", async () => {
    await put("tools: {run_job: {rules: [{action: require_approval}]}}");
    const agent = await agentKey();
    const { id: job_id } = await run("create_job", { ...job, draft: false, when: "in 30d" }, agent);
    const go = () => run("run_job", { job_id }, agent);
    await expect(go()).rejects.toMatchObject({ code: "approval_required" });
    const [{ id: approval_id }] = (await run("list_approvals", {}, agent)).data as { id: string }[] as [
      { id: string },
    ];
    await run("approve_call", { approval_id });
    await run("cancel_job", { job_id });
    await expect(go()).rejects.toMatchObject({ code: "conflict" });
    expect((await run("list_approvals", {}, agent)).data[0]!.status).toBe("approved");
    const other = await run("create_job", { ...job, draft: false, when: "in 30d" }, agent);
    const again = () => run("run_job", { job_id: other.id }, agent);
    await expect(again()).rejects.toMatchObject({ code: "approval_required" });
    const pending = (await run("list_approvals", { status: "pending" }, agent)).data[0]!;
    await run("approve_call", { approval_id: pending.id });
    const both = await Promise.allSettled([again(), again()]);
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("is told that it was rejected, and asked about anew once its time has passed", async () => {
    await put(asking);
    const agent = await agentKey();
    const ask = () => run("create_secret", secret, agent);
    await expect(ask()).rejects.toMatchObject({ code: "approval_required" });
    const [{ id: approval_id }] = (await run("list_approvals", {}, agent)).data as { id: string }[] as [
      { id: string },
    ];
    await run("reject_call", { approval_id, comment: "use the shared one" });
    await expect(ask()).rejects.toMatchObject(denied("use the shared one"));
    clock.advance(3_600_000);
    await expect(ask()).rejects.toMatchObject({ code: "approval_required" });
    const [next] = (await run("list_approvals", { status: "pending" }, agent)).data;
    expect(next!.id).not.toBe(approval_id);
    clock.advance(3_600_000);
    expect((await run("list_approvals", { status: "expired" }, agent)).data.map(({ id }) => id)).toEqual([
      next!.id,
    ]);
    await expect(run("approve_call", { approval_id: next!.id })).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("a test of a policy", () => {
  test("says what would happen, and why, and counts nothing", async () => {
    const tool = "cancel_run";
    const ask = (input: Input<"test_policy">) => run("test_policy", { policy: seed, tool, ...input });
    expect(await ask({ args: { runId: "a" }, times: 10 })).toMatchObject({
      decisions: [{ decision: "allow" }],
    });
    expect(await ask({ args: { runId: "a" }, times: 11, expect: "deny" })).toMatchObject({
      passed: true,
      decisions: [{ decision: "deny", rule: "cancel_run#1", line: 4, retry_after_seconds: 60 }],
    });
    expect(await ask({ expect: "allow" })).toMatchObject({
      passed: false,
      decisions: [{ decision: "deny", reason: 'The argument "runId" is required', passed: false }],
    });
    await put(seed);
    expect(await run("test_policy", { tool, args: { runId: "a" }, times: 11 })).toMatchObject({
      decisions: [{ decision: "deny" }],
    });
  });

  test("takes a file of expected decisions", async () => {
    const calls = `
- {tool: create_job, args: {url: https://api.example.com/x, name: a}, expect: allow}
- tool: create_job
  args: {url: https://evil.example, name: a}
  expect: deny
- {tool: create_jobs, args: {jobs: [{url: https://evil.example}]}, expect: deny}
- {tool: create_secret, args: {name: a, value: b}, expect: require_approval}
`;
    const policy = `tools:
  create_job: {rules: [{conditions: [{path: args.url, op: regex, value: "^https://api[.]example[.]com/"}]}]}
  create_secret: {rules: [{action: require_approval}]}
`;
    const tested = await run("test_policy", { policy, calls });
    expect(tested.decisions.map(({ passed }) => passed)).toEqual([true, true, true, true]);
    expect(tested.passed).toBe(true);
    await expect(run("test_policy", { policy, calls: "- [" })).rejects.toMatchObject({ field: "calls" });
    await expect(run("test_policy", { policy, calls: "- {tool: a, expct: deny}" })).rejects.toMatchObject({
      code: "invalid_input",
    });
    await expect(run("test_policy", { policy })).rejects.toMatchObject({ field: "tool" });
  });
});

test("a policy file holds for every workspace, beside the workspace's own, and is read again when it changes", async () => {
  const file = join(tmpdir(), `policy-${process.pid}-${Date.now()}.yaml`);
  await writeFile(file, "tools: {get_slo: {rules: [{action: deny, reason: by the file}]}}");
  const scheduler = await createScheduler({ policyFile: file });
  try {
    const { token } = await scheduler.bootstrap({ adminEmail: "a@b.example" });
    const caller = await scheduler.authenticate(token);
    const slo = () => scheduler.execute("get_slo", {}, caller);
    const queues = () => scheduler.execute("list_queues", {}, caller);
    await expect(slo()).rejects.toMatchObject({
      ...denied("by the file"),
      rule: expect.stringContaining("policy file") as string,
    });
    await scheduler.execute(
      "put_policy",
      { policy: "tools: {list_queues: {rules: [{action: deny, reason: ours}]}}" },
      caller,
    );
    await expect(queues()).rejects.toMatchObject(denied("ours"));
    await expect(slo()).rejects.toMatchObject(denied("by the file"));
    expect((await scheduler.execute("get_policy", {}, caller)).has_file).toBe(true);
    await writeFile(file, "tools: {get_slo: {rules: [{action: nonsense}]}}");
    await expect(slo()).rejects.toMatchObject(denied("by the file"));
    await writeFile(file, "default: allow");
    await vi.waitFor(slo, { timeout: 20_000, interval: 100 });
  } finally {
    await scheduler.close();
  }
  await writeFile(file, "tools: [");
  await expect(createScheduler({ policyFile: file })).rejects.toMatchObject({ code: "invalid_policy" });
});
