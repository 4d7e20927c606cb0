import { describe, expect, test } from "vitest";
import type { Bounds, Input } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run, target } = testBench({ clock });

type Fields = Partial<Input<"create_job">>;

async function bounded(bounds: Bounds): Promise<Caller> {
  const made = await run("create_token", { name: "a key", kind: "agent", agent: "researcher", bounds });
  return setup.scheduler.authenticate(made.token);
}

const job = { name: "a job", url: "https://api.example.com/sync" };
const make = (caller: Caller, fields: Fields = {}) =>
  run("create_job", { ...job, draft: true, ...fields }, caller);

/** What breaks each bound, and what does not. */
const walk: [bound: keyof Bounds, bounds: Bounds, beyond: [Fields, field: string][], within: Fields[]][] = [
  [
    "hosts",
    { hosts: ["api.example.com", "*.wide.example", "[::1]:8080", "ported.example:8443"] },
    [
      [{ url: "https://evil.example" }, "url"],
      [{ url: "https://api.example.com.evil.example" }, "url"],
      [{ url: "https://api.example.com./" }, "url"],
      [{ url: "https://wide.example" }, "url"],
      [{ url: "https://ported.example" }, "url"],
      [{ url: "https://ported.example:9443" }, "url"],
      [{ callback_url: "https://evil.example" }, "callback_url"],
      [{ follow_redirects: true }, "follow_redirects"],
    ],
    [
      {},
      { url: "https://API.example.com:444/x" },
      { url: "https://a.b.wide.example" },
      { url: "https://ported.example:8443", callback_url: "https://api.example.com/done" },
    ],
  ],
  [
    "methods",
    { methods: ["GET"] },
    [
      [{ method: "POST" }, "method"],
      [{ body: "x" }, "method"],
    ],
    [{}],
  ],
  [
    "min_interval_seconds",
    { min_interval_seconds: 3600 },
    [
      [{ cron: "*/5 * * * *" }, "cron"],
      [{ when: "0,30 9 * * *" }, "cron"],
      [{ every_n_minutes: 59 }, "every_n_minutes"],
    ],
    [{ cron: "0 * * * *" }, { every_n_minutes: 60 }, { when: "in 2h" }],
  ],
  [
    "secrets",
    { secrets: ["api-key"] },
    [
      [{ headers: { Authorization: "Bearer secret://other" } }, "headers"],
      [{ body: "secret://other" }, "headers"],
    ],
    [{ headers: { Authorization: "Bearer secret://api-key" } }, {}],
  ],
  [
    "max_lifetime_days",
    { max_lifetime_days: 7 },
    [[{ cron: "0 9 * * *", end_at: "2026-03-09T12:00:00Z" }, "end_at"]],
    [
      { cron: "0 9 * * *", end_at: "2026-03-08T12:00:00Z" },
      { cron: "0 9 * * *", max_runs: 1000 },
      { when: "2026-04-01T00:00:00Z" },
    ],
  ],
];

test.each(walk)(
  "%s is told with its value where a job would go beyond it",
  async (bound, bounds, beyond, within) => {
    const key = await bounded(bounds);
    const { id: job_id } = await make(key);
    for (const [fields, field] of beyond) {
      const refused = {
        code: "bound_exceeded",
        field,
        message: expect.stringContaining(JSON.stringify(bounds[bound])) as string,
        hint: expect.stringContaining("wider bounds") as string,
      };
      await expect(make(key, fields)).rejects.toMatchObject(refused);
      await expect(run("put_job", { ...job, key: "k", ...fields }, key)).rejects.toMatchObject(refused);
      await expect(run("update_job", { job_id, ...fields }, key)).rejects.toMatchObject(refused);
      await expect(run("create_jobs", { jobs: [{ ...job, ...fields }] }, key)).rejects.toMatchObject(refused);
    }
    for (const fields of within) await make(key, fields);
  },
);

describe("a recurring job of a bounded key", () => {
  test("ends after 30 days, which the answer tells, unless it says when", async () => {
    const key = await bounded({ max_jobs: 9 });
    const made = await make(key, { cron: "0 9 * * *" });
    expect(made.end_at).toBe("2026-03-31T12:00:00.000Z");
    expect(made.notes!.join()).toContain("2026-03-31T12:00:00.000Z");
    expect((await make(key, { cron: "0 9 * * *", max_runs: 3 })).end_at).toBeNull();
    expect((await make(key, { when: "in 2h" })).end_at).toBeNull();
    const own = await make(key, { cron: "0 9 * * *", end_at: "2026-03-05T00:00:00Z" });
    clock.set("2026-03-02T12:00:00Z");
    expect((await run("update_job", { job_id: made.id, name: "b" }, key)).end_at).toBe(
      "2026-04-01T12:00:00.000Z",
    );
    expect((await run("update_job", { job_id: own.id, name: "b" }, key)).end_at).toBe(
      "2026-03-05T00:00:00.000Z",
    );
    // Somebody without bounds lets it live.
    expect((await run("update_job", { job_id: made.id, end_at: null })).end_at).toBeNull();
  });

  test("that is declared again lives on, and one of nobody's bounds has no end", async () => {
    const key = await bounded({ max_lifetime_days: 7 });
    const declared = { ...job, key: "tick", cron: "0 9 * * *" };
    await run("put_job", declared, key);
    clock.set("2026-03-02T12:00:00Z");
    expect((await run("put_job", declared, key)).end_at).toBe("2026-03-09T12:00:00.000Z");
    expect((await make(setup.caller, { cron: "0 9 * * *" })).end_at).toBeNull();
  });
});

test("max_jobs counts what is not over, also of many who ask at once", async () => {
  const key = await bounded({ max_jobs: 3 });
  const asked = await Promise.allSettled(Array.from({ length: 10 }, () => make(key)));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  const refused = {
    code: "bound_exceeded",
    message: expect.stringContaining("max_jobs of this key is 3") as string,
  };
  await expect(make(key)).rejects.toMatchObject(refused);
  expect((await run("get_me", {}, key)).left).toEqual({ jobs: 0 });
  const [first] = (await run("list_jobs", {}, key)).data;
  await run("delete_job", { job_id: first!.id }, key);
  expect((await run("get_me", {}, key)).left).toEqual({ jobs: 1 });
  await expect(run("create_jobs", { jobs: [job, job] }, key)).rejects.toMatchObject(refused);
  await make(key);
  await make(setup.caller);
});

test("max_jobs counts a job that is over and is given another time", async () => {
  const key = await bounded({ max_jobs: 1 });
  const { id: job_id } = await make(key, { draft: false, url: target.url });
  await drain(setup.scheduler, clock);
  await make(key);
  await expect(run("update_job", { job_id, cron: "0 9 * * *" }, key)).rejects.toMatchObject({
    code: "bound_exceeded",
  });
});

describe("max_fires_per_day", () => {
  const fires = async (caller: Caller) =>
    (await run("list_executions", { limit: 100 }, caller)).data.map(({ status, reason }) => [status, reason]);

  test("holds the planner back until midnight UTC, and explains it", async () => {
    const key = await bounded({ max_fires_per_day: 2 });
    const made = await make(key, { draft: false, url: target.url, cron: "0 * * * *" });
    for (const hour of ["13", "14", "15", "16"])
      await drain(setup.scheduler, clock, `2026-03-01T${hour}:00:00Z`);
    expect(await fires(key)).toEqual([
      ["skipped", "bound"],
      ["skipped", "bound"],
      ["succeeded", null],
      ["succeeded", null],
    ]);
    expect((await run("get_me", {}, key)).left).toEqual({ fires_today: 0 });
    const { verdict, explanation, advice } = await run("explain_job", { job_id: made.id }, key);
    expect(verdict).toBe("not_fired");
    expect(explanation).toContain("2 times a day");
    expect(advice).toContain("bounds");
    clock.set("2026-03-02T00:00:00Z");
    expect((await run("get_me", {}, key)).left).toEqual({ fires_today: 2 });
    await drain(setup.scheduler, clock, "2026-03-02T00:00:00Z");
    expect((await fires(key))[0]).toEqual(["succeeded", null]);
    expect((await run("get_me", {}, key)).left).toEqual({ fires_today: 1 });
  });

  test("is one for all jobs of a key, and none of what others make", async () => {
    const key = await bounded({ max_fires_per_day: 3 });
    const jobs = Array.from({ length: 5 }, () => ({ ...job, url: target.url, when: "in 1m" }));
    await run("create_jobs", { jobs }, key);
    await run("create_jobs", { jobs });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    const ended = (await fires(key)).map(([status]) => status);
    expect(ended.toSorted((one, other) => one!.localeCompare(other!))).toEqual([
      "skipped",
      "skipped",
      "succeeded",
      "succeeded",
      "succeeded",
    ]);
    expect(target.arrivals).toHaveLength(8);
  });

  test("counts runs and replays that the key asks for, and refuses those beyond it", async () => {
    const key = await bounded({ max_fires_per_day: 2 });
    const { id: job_id } = await make(key, { draft: false, url: target.url, when: "in 30d" });
    const { id: execution_id } = await run("run_job", { job_id }, key);
    await drain(setup.scheduler, clock);
    await run("replay_execution", { execution_id }, key);
    const refused = { code: "bound_exceeded", retryAfterSeconds: 43_200 };
    await expect(run("run_job", { job_id }, key)).rejects.toMatchObject(refused);
    await expect(run("replay_execution", { execution_id }, key)).rejects.toMatchObject(refused);
    await expect(make(key, { draft: false })).rejects.toMatchObject(refused);
    await run("run_job", { job_id });
  });

  test("holds for the jobs of a key that was revoked", async () => {
    const made = await run("create_token", {
      name: "a key",
      kind: "agent",
      agent: "researcher",
      bounds: { max_fires_per_day: 1 },
    });
    const key = await setup.scheduler.authenticate(made.token);
    await make(key, { draft: false, url: target.url, cron: "0 * * * *" });
    await run("delete_token", { token_id: made.id });
    for (const hour of ["13", "14"]) await drain(setup.scheduler, clock, `2026-03-01T${hour}:00:00Z`);
    expect((await fires(setup.caller)).map(([status]) => status)).toEqual(["skipped", "succeeded"]);
  });
});

test("min_interval_seconds keeps runs of a job apart that the key asks for", async () => {
  const key = await bounded({ min_interval_seconds: 3600 });
  const { id: job_id } = await make(key, { when: "in 30d" });
  await run("run_job", { job_id }, key);
  clock.set("2026-03-01T12:30:00Z");
  await expect(run("run_job", { job_id }, key)).rejects.toMatchObject({
    code: "bound_exceeded",
    retryAfterSeconds: 1800,
  });
  clock.set("2026-03-01T13:00:00Z");
  await run("run_job", { job_id }, key);
});

test("a key that may call one host has nobody told elsewhere", async () => {
  const key = await bounded({ hosts: ["api.example.com"] });
  const channels: Input<"create_channel">[] = [
    { name: "a", type: "webhook", url: "https://evil.example/told" },
    { name: "a", type: "slack", url: "https://hooks.slack.com/services/T000/B000/XXXX" },
    { name: "a", type: "email", email: "me@evil.example" },
    {
      name: "a",
      type: "telegram",
      bot_token: "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K",
      chat_id: "-1001234567890",
    },
  ];
  for (const channel of channels)
    await expect(run("create_channel", channel, key), channel.type).rejects.toMatchObject({
      code: "bound_exceeded",
    });
  const { id: channel_id } = await run(
    "create_channel",
    { ...channels[0]!, url: "https://api.example.com/told" },
    key,
  );
  await expect(run("update_channel", { channel_id, url: "https://evil.example" }, key)).rejects.toMatchObject(
    { code: "bound_exceeded", field: "url" },
  );
});

test("a bounded key lets no job run that was made beyond its bounds", async () => {
  const wide = await bounded({ max_jobs: 9 });
  const key = await bounded({ hosts: ["api.example.com"] });
  const { id: job_id } = await make(wide, { url: "https://other.example", cron: "0 9 * * *", draft: false });
  await run("pause_job", { job_id }, key);
  for (const name of ["run_job", "resume_job"] as const)
    await expect(run(name, { job_id }, key)).rejects.toMatchObject({ code: "bound_exceeded" });
});

describe("lineage", () => {
  test("says which key and which execution made a job or a run", async () => {
    const key = await bounded({ max_jobs: 9 });
    const parent = await make(key);
    const { id: parent_execution_id } = await run("run_job", { job_id: parent.id }, key);
    const child = await make(key, { parent_execution_id });
    expect(child).toMatchObject({ parent_execution_id, token_id: expect.stringMatching(/^tok_/) as string });
    const grandchild = await run("run_job", { job_id: child.id, parent_execution_id }, key);
    expect(grandchild).toMatchObject({ parent_execution_id });
    const header = await setup.scheduler.execute("create_job", { ...job, draft: true }, key, {
      parent: parent_execution_id,
    });
    expect(header.parent_execution_id).toBe(parent_execution_id);
    const stranger = await bounded({ max_jobs: 9 });
    const none = { ...stranger, agent: "another" };
    await expect(make(none, { parent_execution_id })).rejects.toMatchObject({
      code: "not_found",
      field: "parent_execution_id",
    });
  });

  test("goes as deep as the key may", async () => {
    const key = await bounded({ max_depth: 2 });
    let parent_execution_id: string | undefined;
    for (const depth of [0, 1, 2]) {
      const { id: job_id } = await make(key, { name: `depth ${depth}`, parent_execution_id });
      parent_execution_id = (await run("run_job", { job_id }, key)).id;
    }
    const refused = {
      code: "bound_exceeded",
      message: expect.stringContaining("max_depth of this key is 2") as string,
    };
    await expect(make(key, { parent_execution_id })).rejects.toMatchObject(refused);
    const { id: job_id } = await make(key);
    await expect(run("run_job", { job_id, parent_execution_id }, key)).rejects.toMatchObject(refused);
  });
});

test.each<[Input<"delete_token">["jobs"], string, string[]]>([
  ["keep", "kept", ["active", "paused"]],
  ["pause", "paused", ["paused", "paused"]],
  ["cancel", "canceled", ["canceled", "canceled"]],
])("a key that is deleted leaves its jobs: %s", async (jobs, became, states) => {
  const made = await run("create_token", { name: "a key", kind: "service", mode: "test" });
  const key = await setup.scheduler.authenticate(made.token);
  const ids = [
    await make(key, { cron: "0 9 * * *", draft: false }),
    await make(key, { when: "in 2h", draft: false }),
  ];
  await run("pause_job", { job_id: ids[1]!.id }, key);
  await make(setup.testCaller, { draft: false, when: "in 2h" });
  expect(await run("delete_token", { token_id: made.id, jobs })).toMatchObject({
    jobs: { count: 2, became },
  });
  const after = await Promise.all(ids.map(({ id }) => run("get_job", { job_id: id }, setup.testCaller)));
  expect(after.map(({ state }) => state)).toEqual(states);
  expect(after.map(({ next_run_at }) => next_run_at !== null)).toEqual(
    states.map((state) => state === "active"),
  );
});
