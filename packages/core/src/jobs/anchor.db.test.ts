import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:03:20.500Z");
const { setup, run, create } = testBench({ clock, job: { every_n_minutes: 15 } });

const first = "2026-03-01T12:18:20.500Z";
const third = "2026-03-01T12:48:20.500Z";
const next = async (job_id: string): Promise<string | null> => (await run("get_job", { job_id })).next_run_at;

describe("an interval runs at its first run, N minutes after it was made, and every N minutes after that", () => {
  test("from create_job, put_job and preview_schedule alike", async () => {
    const made = await create();
    expect(made.next_runs.slice(0, 3)).toEqual([first, "2026-03-01T12:33:20.500Z", third]);
    expect(made.run_at).toBeNull();
    const said = { key: "tick", name: "tick", url: made.url!, every_n_minutes: 15 };
    expect((await run("put_job", said)).next_runs).toEqual(made.next_runs);
    expect((await run("preview_schedule", { every_n_minutes: 15 })).next_runs).toEqual(made.next_runs);
  });

  test("whether it was paused, and for how long, or not", async () => {
    const { id: job_id } = await create();
    await run("pause_job", { job_id });
    clock.set("2026-03-01T12:40:00Z");
    await run("resume_job", { job_id });
    expect(await next(job_id)).toBe(third);
  });

  test("whether its declaration, or anything else of it, is said again", async () => {
    const said = { key: "tick", name: "tick", url: "https://a.example", every_n_minutes: 15 };
    const { id } = await run("put_job", said);
    const changes: (() => Promise<unknown>)[] = [
      () => run("put_job", said),
      () => run("put_job", { ...said, name: "tock", timezone: "Europe/Berlin" }),
      () => run("update_job", { job_id: id, every_n_minutes: 15 }),
      () => run("update_job", { job_id: id, max_runs: 9, url: "https://b.example" }),
      () => run("update_job", { job_id: id, end_at: "2027-01-01T00:00:00Z" }),
    ];
    for (const change of changes) {
      clock.advance(60_000);
      await change();
      expect(await next(id)).toBe(first);
    }
    await run("pause_job", { job_id: id });
    await run("update_job", { job_id: id, every_n_minutes: 15 });
    await run("resume_job", { job_id: id });
    expect(await next(id)).toBe(first);
  });

  test.each(["skip", "latest", "all"] as const)(
    "whether a worker was there or not, with %s",
    async (catch_up) => {
      const { id } = await create({ catch_up });
      await drain(setup.scheduler, clock, "2026-03-01T12:40:00Z");
      expect(await next(id)).toBe(third);
      const { data } = await run("list_executions", { job_id: id });
      for (const { scheduled_for } of data) expect(scheduled_for).toMatch(/:(18|33):20\.500Z$/);
    },
  );

  test("also as a draft that is resumed later, and with jitter", async () => {
    const draft = await create({ draft: true });
    clock.set("2026-03-01T12:40:00Z");
    await run("resume_job", { job_id: draft.id });
    expect(await next(draft.id)).toBe(third);
    clock.set("2026-03-01T12:03:20.500Z");
    const jittered = await create({ jitter_seconds: 60 });
    const offset = Date.parse(jittered.next_run_at!) - Date.parse(first);
    expect(offset).toBeLessThanOrEqual(60_000);
    await run("pause_job", { job_id: jittered.id });
    clock.set("2026-03-01T12:40:00Z");
    await run("resume_job", { job_id: jittered.id });
    expect(Date.parse((await next(jittered.id))!)).toBe(Date.parse(third) + offset);
  });
});

describe("an interval with a start runs at that", () => {
  test.each<[string, Partial<Input<"create_job">>, string]>([
    ["which is to come", { start_at: "2026-03-01T13:00:00Z" }, "2026-03-01T13:00:00.000Z"],
    [
      "and every N minutes after it, where it has been",
      { start_at: "2026-03-01T11:00:00Z" },
      "2026-03-01T12:15:00.000Z",
    ],
  ])("%s", async (_, said, expected) => {
    const { id, next_run_at } = await create(said);
    expect(next_run_at).toBe(expected);
    const { next_runs } = await run("preview_schedule", {
      every_n_minutes: 15,
      ...said,
    } as Input<"preview_schedule">);
    expect(next_runs[0]).toBe(expected);
    const moved = { job_id: id, start_at: "2026-03-01T12:07:00Z" };
    expect((await run("update_job", moved)).next_run_at).toBe("2026-03-01T12:07:00.000Z");
    expect((await run("update_job", { job_id: id, start_at: null })).next_run_at).toBe(first);
  });
});

test("another interval counts from its own first run", async () => {
  const { id } = await create();
  clock.advance(60_000);
  const { next_runs } = await run("update_job", { job_id: id, every_n_minutes: 7 });
  expect(next_runs.slice(0, 2)).toEqual(["2026-03-01T12:11:20.500Z", "2026-03-01T12:18:20.500Z"]);
});
