import { expect, test } from "vitest";
import type { Input, Job } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, passTime, testClock } from "../testing/index.ts";

// Time that passes in seconds, through the real planner and database.

const clock = testClock("2026-01-01T00:00:00Z");
const { setup, target, run, create } = testBench({ clock });

/** The slots of a job for which a request arrived, in the order of their arrival. */
function fired({ id }: Job): string[] {
  return target.arrivals
    .filter(({ headers }) => headers["x-cron-service-job-id"] === id)
    .map(({ headers }) => String(headers["x-cron-service-scheduled-for"]));
}

function preview(fields: Input<"preview_schedule">): Promise<{ next_runs: string[]; local_runs: string[] }> {
  return run("preview_schedule", { count: 100, ...fields });
}

test(
  "a year of a daily job is every day at its hour, whatever the clocks do",
  { timeout: 90_000 },
  async () => {
    clock.set("2026-01-01T00:00:00Z");
    const job = await create({ cron: "30 2 * * *", timezone: "Europe/Berlin" });
    await passTime(setup.scheduler, clock, "2027-01-01T00:00:00Z");
    const berlin = new Intl.DateTimeFormat("sv-SE", {
      timeZone: "Europe/Berlin",
      dateStyle: "short",
      timeStyle: "short",
    });
    const local = fired(job).map((slot) => berlin.format(new Date(slot)));
    const days = Array.from({ length: 365 }, (_, day) =>
      new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
    );
    // 02:30 does not exist on the last Sunday of March, and comes twice on that of October.
    expect(local).toEqual(days.map((day) => (day === "2026-03-29" ? `${day} 03:30` : `${day} 02:30`)));
    expect(await run("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: "2027-01-01T01:30:00.000Z",
    });
  },
);

test.each([
  ["Europe/Berlin", "2026-10-24T22:00:00Z"],
  ["America/Havana", "2026-03-08T03:00:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T12:00:00Z"],
])(
  "what fires in a night of %s in which the clocks change is what the preview says",
  async (timezone, from) => {
    clock.set(from);
    const crons = ["*/20 * * * *", "30 2 * * *", "15,45 0-3 * * *", "0 */2 * * *"];
    const jobs = await Promise.all(crons.map((cron) => create({ cron, timezone })));
    const until = new Date(Date.parse(from) + 10 * 3_600_000);
    const previews = await Promise.all(crons.map((cron) => preview({ cron, timezone, from })));
    await passTime(setup.scheduler, clock, until);
    for (const [index, job] of jobs.entries()) {
      const expected = previews[index]!.next_runs.filter((at) => Date.parse(at) <= until.getTime());
      expect(fired(job), crons[index]!).toEqual(expected);
    }
  },
);

test("an outage of three hours ends as each job's policy says", async () => {
  clock.set("2026-03-01T09:01:00Z");
  const every = { cron: "*/30 * * * *" };
  const [skip, latest, all, window, once] = await Promise.all([
    create({ ...every, catch_up: "skip" }),
    create({ ...every }),
    create({ ...every, catch_up: "all" }),
    create({ ...every, catch_up: "all", catch_up_window_seconds: 3600 }),
    create({ when: "1h" }),
  ]);
  await drain(setup.scheduler, clock, "2026-03-01T12:10:00Z");
  await passTime(setup.scheduler, clock, "2026-03-01T12:31:00Z");
  const at = (...times: string[]): string[] => times.map((time) => `2026-03-01T${time}:00.000Z`);
  expect(fired(skip!)).toEqual(at("12:30"));
  expect(fired(latest!)).toEqual(at("12:00", "12:30"));
  expect(fired(all!).toSorted()).toEqual(at("09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30"));
  expect(fired(window!).toSorted()).toEqual(at("11:30", "12:00", "12:30"));
  expect(fired(once!)).toEqual(at("10:01"));
});

test("what the preview of a bounded, spread schedule shows is what fires", async () => {
  clock.set("2026-03-01T12:00:00Z");
  const bounds = { start_at: "2026-03-02T00:00:00Z", end_at: "2026-03-04T00:00:00Z" };
  const plain = await create({ cron: "0 */5 * * *", ...bounds });
  const spread = await create({ every_n_minutes: 400, ...bounds, max_runs: 4, jitter_seconds: 3600 });
  const { next_runs } = await preview({ cron: "0 */5 * * *", ...bounds });
  const shown = spread.next_runs;
  await passTime(setup.scheduler, clock, "2026-03-08T00:00:00Z");
  expect(fired(plain)).toEqual(next_runs);
  expect(shown).toHaveLength(4);
  expect(fired(spread)).toEqual(shown);
  for (const { id } of [plain, spread])
    expect(await run("get_job", { job_id: id })).toMatchObject({ state: "completed", next_run_at: null });
});
