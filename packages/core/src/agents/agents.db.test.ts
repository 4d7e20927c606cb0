import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run, target } = testBench({ clock });

const register = (fields: Partial<Input<"register_agent">> = {}) =>
  run("register_agent", { name: "worker", url: `${target.url}/in`, ...fields });
const schedule = (fields: Partial<Input<"create_job">> = {}) =>
  run("create_job", { name: "greeting", agent: "worker", message: "Hello {{uuid}} secret://x", ...fields });

async function key(fields: Partial<Input<"create_token">>): Promise<Caller> {
  const { token } = await run("create_token", { name: "a key", ...fields });
  return setup.scheduler.authenticate(token);
}

const told = (index = 0) => JSON.parse(target.arrivals[index]!.body) as Record<string, unknown>;

describe("an agent's schedule", () => {
  test("sends the agent its message as it was given, with the schedule and the execution", async () => {
    await register();
    await run("create_signing_secret", {});
    const made = await schedule({ cron: "0 13 * * *" });
    expect(made).toMatchObject({
      url: null,
      body: null,
      headers: {},
      agent: "worker",
      message: "Hello {{uuid}} secret://x",
      overlap: "skip",
    });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    const [execution] = (await run("list_executions", { job_id: made.id })).data;
    expect(told()).toEqual({
      execution_id: execution!.id,
      trigger: "schedule",
      scheduled_for: "2026-03-01T13:00:00.000Z",
      message: "Hello {{uuid}} secret://x",
      schedule: {
        id: made.id,
        name: "greeting",
        kind: "cron",
        cron: "0 13 * * *",
        every_n_minutes: null,
        timezone: "UTC",
      },
      agent: "worker",
    });
    const { method, path, headers } = target.arrivals[0]!;
    expect([method, path, headers["content-type"]]).toEqual(["POST", "/in", "application/json"]);
    expect(headers["sched-signature"]).toMatch(/^t=/);
  });

  test("keeps what the agent says that it took, of the last attempt that says anything", async () => {
    await register();
    const { id: job_id } = await schedule({ retry: { max_attempts: 2, base_seconds: 0, jitter: false } });
    let count = 0;
    target.answer((_, response) => {
      response.statusCode = count === 0 ? 500 : 200;
      response.end(JSON.stringify({ context_used: 45_000 + count++, cost: 0.0234 }));
    });
    await drain(setup.scheduler, clock);
    await drain(setup.scheduler, clock, new Date(clock.now().getTime() + 10_000));
    const [execution] = (await run("list_executions", { job_id })).data;
    expect(execution).toMatchObject({ status: "succeeded", context_used: 45_001, cost: 0.0234 });
  });

  test.each(["{", "null", "[1]", '"x"', '{"cost": "much"}', '{"cost": -1, "context_used": null}', ""])(
    "succeeds where the agent answers %j",
    async (body) => {
      await register();
      target.answer((_, response) => void response.end(body));
      const { id: job_id } = await schedule();
      await drain(setup.scheduler, clock);
      const [execution] = (await run("list_executions", { job_id })).data;
      expect(execution).toMatchObject({ status: "succeeded", context_used: null, cost: null });
    },
  );

  test("goes to the agent's new url, and by its new words, from the next execution on", async () => {
    await register();
    const { id: job_id } = await schedule({ cron: "0 13 * * *" });
    await run("update_agent", { agent: "worker", url: `${target.url}/elsewhere` });
    await run("update_job", { job_id, message: "Bye", name: "farewell" });
    await run("run_job", { job_id });
    await drain(setup.scheduler, clock);
    expect(target.arrivals[0]!.path).toBe("/elsewhere");
    expect(told()).toMatchObject({ message: "Bye", schedule: { name: "farewell" }, trigger: "manual" });
  });

  test.each<[Partial<Input<"create_job">>, string]>([
    [{ url: "https://a.example" }, "url"],
    [{ method: "GET" }, "method"],
    [{ headers: { "X-A": "b" } }, "headers"],
    [{ body: "b" }, "body"],
    [{ message: undefined }, "message"],
    [{ agent: undefined }, "agent"],
  ])("takes no %o", async (fields, field) => {
    await register();
    await expect(schedule(fields)).rejects.toMatchObject({ code: "invalid_input", field });
  });

  test("is no job for a URL, and becomes none", async () => {
    await register();
    const made = await schedule({ key: "greeting" });
    await expect(run("update_job", { job_id: made.id, url: "https://a.example" })).rejects.toMatchObject({
      field: "url",
    });
    const declared = run("put_job", { key: "greeting", name: "greeting", url: "https://a.example" });
    await expect(declared).rejects.toMatchObject({ code: "conflict", field: "key" });
    const plain = await run("create_job", { name: "plain", url: "https://a.example", draft: true });
    await expect(run("update_job", { job_id: plain.id, message: "Hi" })).rejects.toMatchObject({
      field: "message",
    });
    await expect(run("create_job", { name: "nothing" })).rejects.toMatchObject({ field: "url" });
  });

  test("is declared again without a change, and an agent's key need not name its agent", async () => {
    await register();
    const self = await key({ kind: "agent", agent: "worker" });
    const input = { key: "tick", name: "tick", message: "Tick", every_n_minutes: 5 };
    const first = await run("put_job", input, self);
    expect(await run("put_job", input, self)).toEqual(first);
    expect(first).toMatchObject({ agent: "worker", message: "Tick", created_by: "agent:worker" });
  });

  test("may be made asleep", async () => {
    await register();
    const made = await run("create_agent_schedule", {
      agent: "worker",
      name: "later",
      message: "Hi",
      cron: "0 13 * * *",
      enabled: false,
    });
    expect(made).toMatchObject({ state: "paused", next_run_at: null });
    const of = { agent: "worker", schedule_id: made.id };
    expect(await run("enable_agent_schedule", of)).toMatchObject({ state: "active" });
    expect(await run("update_agent_schedule", { ...of, enabled: false })).toMatchObject({ state: "paused" });
  });
});

describe("an agent", () => {
  test("that is deleted takes its schedules and its keys along; its plain jobs stay, as the workspace's", async () => {
    await register();
    const { token } = await run("create_token", { name: "a key", kind: "agent", agent: "worker" });
    const self = await setup.scheduler.authenticate(token);
    const { id: job_id } = await schedule({ cron: "0 13 * * *" });
    const plain = await run("create_job", { name: "plain", url: "https://a.example", draft: true }, self);
    expect(await run("delete_agent", { agent: "worker" })).toMatchObject({
      deleted: true,
      name: "worker",
      schedules: 1,
      keys: expect.any(Number) as number,
      jobs_kept: 1,
    });
    await expect(setup.scheduler.authenticate(token)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(run("get_job", { job_id })).rejects.toMatchObject({ code: "not_found" });
    expect((await run("get_job", { job_id: plain.id })).agent).toBeNull();
    await expect(run("get_agent", { agent: "worker" })).rejects.toMatchObject({ code: "not_found" });
    await register();
    expect((await run("list_agent_executions", { agent: "worker" })).data).toEqual([]);
  });

  test("is known by one name, and shared with users of the workspace alone", async () => {
    const { email } = await run("create_user", { email: "colleague@localhost" });
    const agent = await register({ description: "Works", shared_with: [email.toUpperCase(), email] });
    expect(agent).toMatchObject({
      name: "worker",
      owner: "admin@localhost",
      shared_with: [email],
      permissions: [],
    });
    expect((await run("list_agents", {})).data).toEqual([agent]);
    await expect(register()).rejects.toMatchObject({ code: "conflict", field: "name" });
    await expect(register({ name: "b", shared_with: ["nobody@localhost"] })).rejects.toMatchObject({
      code: "not_found",
      field: "shared_with",
    });
    await expect(register({ name: "b", url: "http://10.0.0.1/" })).rejects.toMatchObject({ field: "url" });
    await run("update_agent", { agent: "worker", owner: email });
    await expect(run("update_agent", { agent: "worker", description: null })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("is not registered by who would let the keys of somebody else in", async () => {
    const system = await key({ kind: "system" });
    const made = await run("create_token", { name: "a key", kind: "agent", agent: "ghost" }, system);
    await expect(register({ name: "ghost" })).rejects.toMatchObject({ code: "conflict" });
    await run("delete_token", { token_id: made.id });
    await register({ name: "ghost" });
  });

  test("gets keys from its owner alone", async () => {
    await register();
    const { id } = await run("create_user", { email: "admin2@localhost", role: "admin" });
    const stranger = await key({ user_id: id });
    const asked = { name: "x", kind: "agent", agent: "worker" } as const;
    await expect(run("create_token", asked, stranger)).rejects.toMatchObject({
      code: "not_found",
      field: "agent",
    });
    await run("create_token", asked);
  });

  test("permits what its owner may do, and may be forbidden again", async () => {
    await register();
    await register({ name: "other" });
    const { id } = await run("create_user", { email: "admin3@localhost", role: "admin" });
    const stranger = await key({ user_id: id });
    await run("register_agent", { name: "spy", url: "https://spy.example" }, stranger);
    await expect(run("permit_agent", { agent: "spy", other: "worker" }, stranger)).rejects.toMatchObject({
      code: "not_found",
      field: "other",
    });
    await expect(run("permit_agent", { agent: "worker", other: "worker" })).rejects.toMatchObject({
      code: "invalid_input",
    });
    for (let time = 0; time < 2; time++)
      expect(await run("permit_agent", { agent: "worker", other: "other" })).toMatchObject({
        permitted: true,
      });
    expect((await run("get_agent", { agent: "worker" })).permissions).toEqual(["other"]);
    for (let time = 0; time < 2; time++)
      expect(await run("forbid_agent", { agent: "worker", other: "other" })).toMatchObject({
        permitted: false,
      });
  });
});
