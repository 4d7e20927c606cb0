import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const clock = testClock(start);
const { setup, target, run, create, createJobs } = testBench({ clock, job: { cron: "0 * * * *" } });

const names = async (filter: Input<"list_jobs">): Promise<string[]> =>
  (await run("list_jobs", filter)).data.map(({ name }) => name).toSorted();
const states = async (): Promise<string[]> =>
  (await run("list_jobs", {})).data.map(({ name, state }) => `${name} ${state}`).toSorted();

describe("list_jobs finds", () => {
  test("by exact name, number and the beginning of a name, literally and in any case", async () => {
    for (const name of ["Nightly", "nightly", "nightly_50%", "nightlyX50!", "weekly"]) await create({ name });
    expect(await names({ name: "nightly" })).toEqual(["nightly"]);
    expect(await names({ name_prefix: "NIGHT" })).toEqual([
      "Nightly",
      "nightly",
      "nightlyX50!",
      "nightly_50%",
    ]);
    expect(await names({ name_prefix: "nightly_5" })).toEqual(["nightly_50%"]);
    const { number } = await create({ name: "counted" });
    expect(await names({ number })).toEqual(["counted"]);
    expect((await run("list_jobs", { number }, setup.testCaller)).data).toEqual([]);
  });

  test("by how the last run went, and how often it failed since", async () => {
    await create({ name: "well" });
    const failing = { url: `${target.url}/bad`, retry: { max_attempts: 1 } };
    await create({ name: "once", ...failing, max_runs: 1 });
    await create({ name: "twice", ...failing });
    await create({ name: "never", cron: "0 0 1 1 *" });
    target.answer(({ path }, response) => void response.writeHead(path === "/bad" ? 500 : 200).end());
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    await drain(setup.scheduler, clock, "2026-03-01T14:00:00Z");
    expect(await names({ last_status: "failed" })).toEqual(["once", "twice"]);
    expect(await names({ last_status: "succeeded" })).toEqual(["well"]);
    expect(await names({ min_consecutive_failures: 1 })).toEqual(["once", "twice"]);
    expect(await names({ min_consecutive_failures: 2 })).toEqual(["twice"]);
  });

  test("by a run that is overdue", async () => {
    await create({ name: "due" });
    const paused = await create({ name: "paused" });
    await run("pause_job", { job_id: paused.id });
    clock.set("2026-03-01T13:00:05Z");
    expect(await names({ overdue: true })).toEqual([]);
    clock.advance(1);
    expect(await names({ overdue: true })).toEqual(["due"]);
    expect(await names({ overdue: false })).toEqual(["paused"]);
  });
});

describe("pause_jobs and resume_jobs", () => {
  test("change those that a filter is for, and say what became of each", async () => {
    await create({ name: "a", queue: "web" });
    await create({ name: "b", queue: "web" });
    const other = await create({ name: "c" });
    const trial = await run("pause_jobs", { queue: "web", dry_run: true });
    expect(trial).toMatchObject({ dry_run: true, matched: 2, changed: 2, unchanged: 0, refused: 0 });
    expect(await states()).toEqual(["a active", "b active", "c active"]);

    expect(await run("pause_jobs", { queue: "web" })).toMatchObject({
      matched: 2,
      changed: 2,
      has_more: false,
    });
    expect(await states()).toEqual(["a paused", "b paused", "c active"]);
    expect((await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z")).map(({ job_id }) => job_id)).toEqual(
      [other.id],
    );

    const all = await run("resume_jobs", { all: true });
    expect(all).toMatchObject({ matched: 3, changed: 2, unchanged: 1 });
    expect(all.jobs.map(({ name, outcome, reason }) => `${name} ${outcome} ${reason}`).toSorted()).toEqual([
      "a changed null",
      "b changed null",
      "c unchanged it is active",
    ]);
    // As resume_job does it: from now on, nothing made up.
    const { data } = await run("list_jobs", {});
    expect(data.map(({ next_run_at }) => next_run_at)).toEqual(Array(3).fill("2026-03-01T14:00:00.000Z"));
  });

  test("change what they can of those that are named", async () => {
    const good = await create({ name: "good" });
    const draft = await create({ name: "draft", draft: true });
    const foreign = await run("create_job", { name: "x", url: target.url, when: "1h" }, setup.testCaller);
    const job_ids = [good.id, draft.id, foreign.id, "nonsense", good.id];
    const { jobs, ...counts } = await run("pause_jobs", { job_ids });
    expect(counts).toMatchObject({ matched: 4, changed: 1, refused: 1, not_found: 2 });
    expect(jobs.map(({ id, outcome }) => [id, outcome])).toEqual([
      [draft.id, "refused"],
      [foreign.id, "not_found"],
      ["nonsense", "not_found"],
      [good.id, "changed"],
    ]);
    expect(jobs[0]!.reason).toContain("a draft");
  });

  test("take a thousand at once, and say that there are more", async () => {
    for (let at = 0; at < 1001; at += 143)
      await run("create_jobs", {
        jobs: Array.from({ length: 143 }, (_, i) => ({ name: `job ${at + i}`, url: target.url, when: "1h" })),
      });
    const { jobs, ...counts } = await run("pause_jobs", { state: "active" });
    expect(counts).toMatchObject({ matched: 1000, changed: 1000, has_more: true });
    expect(jobs).toHaveLength(10);
    expect(await run("pause_jobs", { state: "active" })).toMatchObject({ changed: 1, has_more: false });
  });

  test.each<Input<"pause_jobs">>([
    {},
    { dry_run: true },
    { all: true, queue: "web" },
    { job_ids: ["job_x"], all: true },
    { job_ids: ["job_x"], queue: "web" },
  ])("want to know which: %j", async (input) => {
    await createJobs(1);
    await expect(run("pause_jobs", input)).rejects.toMatchObject({
      code: "invalid_input",
      hint: expect.stringContaining('{"all": true}') as string,
    });
  });
});

describe("list_executions finds", () => {
  test("by the text of an error, literally, and by host", async () => {
    const { host } = new URL(target.url);
    await create({ name: "a", retry: { max_attempts: 1 } });
    await create({ name: "b", url: "http://127.0.0.1:1/", retry: { max_attempts: 1 } });
    target.answer(503);
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    const errors = async (filter: Input<"list_executions">): Promise<unknown[]> =>
      (await run("list_executions", filter)).data.map(({ error }) => error?.code);
    expect(await errors({ error_contains: "ANSWERED 503" })).toEqual(["status"]);
    expect(await errors({ error_contains: "answered%503" })).toEqual([]);
    expect(await errors({ host: "127.0.0.1:1" })).toEqual(["refused"]);
    expect(await errors({ host: host.toUpperCase(), status: "failed" })).toEqual(["status"]);
    expect(await errors({ host: "elsewhere" })).toEqual([]);
    expect(await run("replay_executions", { host, dry_run: true })).toMatchObject({ matched: 1 });
    expect(await run("replay_executions", { error_contains: "503", dry_run: true })).toMatchObject({
      matched: 1,
    });
  });

  test.each(["list_executions", "replay_executions"] as const)(
    "nothing, and %s says so, where from is not before to",
    async (name) => {
      const span = { from: "2026-03-02T00:00:00Z", to: "2026-03-01T00:00:00Z" };
      await expect(run(name, span)).rejects.toMatchObject({ code: "invalid_input", field: "from" });
    },
  );
});
