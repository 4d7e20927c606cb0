import { describe, expect, test } from "vitest";
import { planJob } from "./plan-job.ts";
import type { DueJob } from "./plan.sql.ts";

const minute = 60_000;
const noon = Date.parse("2026-03-01T12:00:00Z");

/** A job of every ten minutes whose slot of noon is due, looked at so many minutes later. */
function due(minutesLate: number, fields: Partial<DueJob> = {}): DueJob {
  return {
    now: new Date(noon + minutesLate * minute),
    scope_id: 1,
    id: "019c0000-0000-7000-8000-000000000002",
    queue: "default",
    has_line: false,
    paused: false,
    waits: false,
    revision_id: "019c0000-0000-7000-8000-000000000001",
    host: "example.com",
    kind: "recurring",
    cron: null,
    every_n_minutes: 10,
    run_at: null,
    timezone: "UTC",
    start_at: null,
    end_at: null,
    max_runs: null,
    run_count: 0,
    jitter_seconds: null,
    ttl_seconds: null,
    overlap: "allow",
    catch_up: "latest",
    catch_up_window_seconds: 86_400,
    catch_up_max_runs: 100,
    open: 0,
    next_run_at: new Date(noon),
    late: false,
    bounded_by: null,
    ...fields,
  };
}

/** What becomes of each slot, in words: "12:10 running", "12:00 skipped missed 3 slots". */
function plan(minutesLate: number, fields: Partial<DueJob> = {}, starts = true): string[] {
  const { executions, job } = planJob(due(minutesLate, fields), starts);
  const told = executions.map(({ scheduled_for, status, reason, error }) =>
    [
      scheduled_for.toISOString().slice(11, 16),
      status,
      reason,
      reason === "missed" ? error?.match(/^\d+( or more)? slots?/)?.[0] : undefined,
    ]
      .filter((word) => word !== undefined)
      .join(" "),
  );
  return [...told, job.next_run_at === null ? "over" : `next ${job.next_run_at.toISOString().slice(11, 16)}`];
}

describe("catch-up", () => {
  test.each([
    ["skip", 0, ["12:00 running", "next 12:10"]],
    ["skip", 1, ["12:00 running", "next 12:10"]],
    ["skip", 2, ["12:00 skipped missed 1 slot", "next 12:10"]],
    ["skip", 25, ["12:00 skipped missed 3 slots", "next 12:30"]],
    ["skip", 30.5, ["12:00 skipped missed 3 slots", "12:30 running", "next 12:40"]],
    ["latest", 5, ["12:00 running", "next 12:10"]],
    ["latest", 25, ["12:00 skipped missed 2 slots", "12:20 running", "next 12:30"]],
    ["all", 5, ["12:00 running", "next 12:10"]],
    ["all", 25, ["12:00 running", "12:10 pending", "12:20 pending", "next 12:30"]],
  ] as const)("%s, %d minutes late", (catch_up, late, told) => {
    expect(plan(late, { catch_up })).toEqual(told);
  });

  test("goes back no further than its window", () => {
    const window = { catch_up_window_seconds: 900 };
    expect(plan(25, { catch_up: "all", ...window })).toEqual([
      "12:00 skipped missed 1 slot",
      "12:10 running",
      "12:20 pending",
      "next 12:30",
    ]);
    expect(plan(9, { catch_up: "latest", catch_up_window_seconds: 0 })).toEqual([
      "12:00 skipped missed 1 slot",
      "next 12:10",
    ]);
  });

  test("makes up for no more than its maximum, the latest of them", () => {
    expect(plan(45, { catch_up: "all", catch_up_max_runs: 2 })).toEqual([
      "12:00 skipped missed 3 slots",
      "12:30 running",
      "12:40 pending",
      "next 12:50",
    ]);
  });

  test("never makes more runs than are left", () => {
    expect(plan(45, { catch_up: "all", max_runs: 5, run_count: 3 })).toEqual([
      "12:00 running",
      "12:10 pending",
      "over",
    ]);
    expect(plan(0, { max_runs: 4, run_count: 3 })).toEqual(["12:00 running", "over"]);
  });

  test("uses up the runs that are left with slots that are sent, not with those that are not", () => {
    expect(plan(55, { catch_up: "all", ttl_seconds: 1200, max_runs: 2 })).toEqual([
      ...["12:00", "12:10", "12:20", "12:30"].map((slot) => `${slot} expired ttl`),
      "12:40 running",
      "12:50 pending",
      "over",
    ]);
    expect(plan(35, { catch_up: "all", overlap: "cancel_previous", max_runs: 1 })).toEqual([
      ...["12:00", "12:10", "12:20"].map((slot) => `${slot} skipped overlap`),
      "12:30 running",
      "over",
    ]);
  });

  test("of years is one row", () => {
    const years = 3 * 365 * 24 * 60;
    expect(plan(years + 0.5, { kind: "cron", cron: "* * * * *", every_n_minutes: null })).toEqual([
      "12:00 skipped missed 10000 or more slots",
      "12:00 running",
      "next 12:01",
    ]);
  });
});

describe("overlap, while an execution is not over", () => {
  test.each([
    ["allow", ["12:00 running", "next 12:10"]],
    ["skip", ["12:00 skipped overlap", "next 12:10"]],
    ["queue", ["12:00 pending overlap", "next 12:10"]],
    ["cancel_previous", ["12:00 running", "next 12:10"]],
  ] as const)("%s", (overlap, told) => {
    expect(plan(0, { overlap, open: 1 })).toEqual(told);
    expect(planJob(due(0, { overlap, open: 1 }), true).cancelsPrevious).toBe(overlap === "cancel_previous");
    expect(plan(0, { overlap, open: 0 })).toEqual(["12:00 running", "next 12:10"]);
    expect(planJob(due(0, { overlap, open: 0 }), true).cancelsPrevious).toBe(false);
  });

  test.each([
    ["skip", ["12:00 running", "12:10 skipped overlap", "12:20 skipped overlap", "next 12:30"]],
    ["queue", ["12:00 running", "12:10 pending overlap", "12:20 pending overlap", "next 12:30"]],
    ["cancel_previous", ["12:00 skipped overlap", "12:10 skipped overlap", "12:20 running", "next 12:30"]],
  ] as const)("%s holds between the slots of a catch-up too", (overlap, told) => {
    expect(plan(25, { overlap, catch_up: "all" })).toEqual(told);
  });

  test("no more than a hundred wait in line", () => {
    expect(plan(0, { overlap: "queue", open: 101 })).toEqual(["12:00 skipped overlap", "next 12:10"]);
  });

  test("a single slot that is skipped ends its job, whatever else is under way", () => {
    const once = { kind: "scheduled", every_n_minutes: null, run_at: new Date(noon) } as const;
    const { job } = planJob(due(0, { ...once, overlap: "skip", open: 1 }), true);
    expect(job).toMatchObject({ next_run_at: null });
  });

  test("a skipped slot is no run", () => {
    const { job } = planJob(due(0, { overlap: "skip", open: 1, max_runs: 1 }), true);
    expect(job).toMatchObject({ runs: 0, next_run_at: new Date(noon + 10 * minute) });
  });
});

describe("the time to live", () => {
  test("ends a slot that is found too late, and a job that has no other", () => {
    expect(plan(2, { ttl_seconds: 121 })).toEqual(["12:00 running", "next 12:10"]);
    expect(plan(2, { ttl_seconds: 120 })).toEqual(["12:00 expired ttl", "next 12:10"]);
    const once = { kind: "scheduled", every_n_minutes: null, run_at: new Date(noon) } as const;
    expect(planJob(due(2, { ...once, ttl_seconds: 120 }), true).job).toMatchObject({
      next_run_at: null,
    });
    expect(planJob(due(0, { ...once, ttl_seconds: 120 }), true).executions).toMatchObject([
      { status: "running" },
    ]);
  });

  test("counts from each slot", () => {
    const [first] = planJob(due(0, { ttl_seconds: 90 }), true).executions;
    expect(first!.expires_at).toEqual(new Date(noon + 90_000));
  });
});

test("a single slot fires however late", () => {
  const once = { kind: "scheduled", every_n_minutes: null, run_at: new Date(noon) } as const;
  expect(plan(30 * 24 * 60, { ...once, catch_up: "skip" })).toEqual(["12:00 running", "over"]);
});

test("a slot that finds no room for too long gets an execution that waits, due since its slot", () => {
  expect(planJob(due(0.2, { late: true }), false).executions).toMatchObject([
    { status: "pending", due_at: new Date(noon) },
  ]);
});

test("jitter is the job's own, and keeps the distance between its slots", () => {
  const jittered = {
    jitter_seconds: 300,
    kind: "cron",
    cron: "*/10 * * * *",
    every_n_minutes: null,
  } as const;
  const first = noon + 2;
  const { executions, job } = planJob(due(0, { ...jittered, next_run_at: new Date(first) }), true);
  expect(executions[0]!.scheduled_for).toEqual(new Date(first));
  expect(job.next_run_at).toEqual(new Date(first + 10 * minute));
});
