import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({
  clock,
  job: { retry: { max_attempts: 3, base_seconds: 10, jitter: false } },
});

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const all = "{{timestamp}} {{uuid}} {{execution_id}} {{scheduled_for}} {{attempt}}";

describe("what is in double braces", () => {
  test("is replaced in URL, header values and body, the same for each attempt but its number", async () => {
    target.answer(500);
    const job = await run("create_job", {
      name: "templated",
      url: `${target.url}/{{uuid}}?at={{scheduled_for}}`,
      headers: { "X-All": all },
      body: { all, deep: ["{{execution_id}}"] },
      retry: { max_attempts: 3, base_seconds: 10, jitter: false },
    });
    expect(job.notes).toBeUndefined();
    for (const seconds of [0, 10, 30]) await drain(setup.scheduler, clock, Date.parse(noon) + seconds * 1000);
    const { data } = await run("list_executions", {});
    const [first, ...others] = target.arrivals;
    const id = decodeURIComponent(first!.path.slice(1).split("?")[0]!);
    const at = "2026-03-01T12:00:00.000Z";
    expect(id).toMatch(uuid);
    expect(first).toMatchObject({
      path: `/${id}?at=${at}`,
      headers: { "x-all": `${at} ${id} ${data[0]!.id} ${at} 1` },
    });
    expect(JSON.parse(first!.body)).toEqual({
      all: `${at} ${id} ${data[0]!.id} ${at} 1`,
      deep: [data[0]!.id],
    });
    expect(others).toHaveLength(2);
    for (const [index, other] of others.entries()) {
      expect(other.path).toBe(first!.path);
      expect(other.body).toBe(first!.body.replace(`${at} 1"`, `${at} ${index + 2}"`));
    }
    const stored = await run("get_execution", { execution_id: data[0]!.id });
    expect(stored.attempts).toHaveLength(3);
  });

  test("is another one in each execution, also of a replay", async () => {
    const job = await create({ cron: "0 9 * * *", body: "{{uuid}}" });
    const { id } = await run("run_job", { job_id: job.id });
    await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock);
    await run("replay_execution", { execution_id: id });
    await drain(setup.scheduler, clock);
    expect(new Set(target.arrivals.map(({ body }) => body)).size).toBe(3);
  });

  test("is meant literally behind a backslash, in JSON too", async () => {
    await create({ body: "\\{{uuid}} {{attempt}}" });
    await create({ body: { a: "\\{{uuid}} {{attempt}}" } });
    await drain(setup.scheduler, clock);
    expect(target.arrivals.map(({ body }) => body).sort()).toEqual(['{"a":"{{uuid}} 1"}', "{{uuid}} 1"]);
  });

  test("leaves JSON what it is, also where it stands for a number", async () => {
    const job = await create({ body: '{"attempt": {{attempt}}, "id": "{{uuid}}"}' });
    expect(job.headers).toEqual({ "Content-Type": "application/json" });
    await drain(setup.scheduler, clock);
    expect(JSON.parse(target.arrivals[0]!.body)).toMatchObject({ attempt: 1 });
  });

  test("and is none of the five is sent as it is, with a note", async () => {
    const job = await create({ body: "{{ uuid }} {{name}} {{#if a}}x{{/if}} \\{{attempt}}" });
    expect(job.notes).toEqual([
      expect.stringContaining("{{ uuid }} is sent as it is"),
      expect.stringContaining("{{name}}"),
      expect.stringContaining("{{#if a}}"),
      expect.stringContaining("{{/if}}"),
    ]);
    await drain(setup.scheduler, clock);
    expect(target.arrivals[0]!.body).toBe("{{ uuid }} {{name}} {{#if a}}x{{/if}} {{attempt}}");
  });

  test("is sent as it is by a job from before, which says so when it is changed", async () => {
    const job = await create({ cron: "0 9 * * *", body: "a" });
    await sql`update scheduler.revisions set fills_templates = false`.execute(
      setup.scheduler.engine.database.db,
    );
    const { notes } = await run("update_job", { job_id: job.id, body: "{{uuid}}" });
    expect(notes).toEqual([expect.stringContaining("older than templates")]);
    await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock);
    expect(target.arrivals[0]!.body).toBe("{{uuid}}");
  });

  test("that a secret brings along is sent as it is", async () => {
    await run("create_secret", { name: "key", value: "{{uuid}} secret://key" });
    await create({ body: "secret://key {{attempt}}" });
    await drain(setup.scheduler, clock);
    expect(target.arrivals[0]!.body).toBe("{{uuid}} secret://key 1");
  });
});
