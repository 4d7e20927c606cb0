import { describe, expect, it } from "vitest";
import type { Schedule } from "./next-run.ts";
import { previewSchedule } from "./preview.ts";

const at = (text: string) => Date.parse(text);
const berlin = "Europe/Berlin";

function preview(schedule: Schedule, from: string, count = 3, timezone = berlin) {
  return previewSchedule(schedule, { from: at(from), count, timezone });
}

function cron(expression: string): Schedule {
  return { kind: "cron", cron: expression, timezone: berlin };
}

describe("previewSchedule", () => {
  it("shows the runs in UTC and in local time, and says the cron in English", () => {
    expect(preview(cron("0 9 * * 1-5"), "2026-07-03T12:00:00Z", 2)).toEqual({
      next_runs: ["2026-07-06T07:00:00.000Z", "2026-07-07T07:00:00.000Z"],
      local_runs: ["2026-07-06T09:00:00+02:00", "2026-07-07T09:00:00+02:00"],
      description: "At 09:00, Monday through Friday (Europe/Berlin)",
      notes: [],
    });
  });

  it("shows a single run also when it is due at that very instant", () => {
    const schedule: Schedule = { kind: "one_time", runAt: at("2026-07-01T09:00:00Z") };
    expect(preview(schedule, "2026-07-01T09:00:00Z")).toEqual({
      next_runs: ["2026-07-01T09:00:00.000Z"],
      local_runs: ["2026-07-01T11:00:00+02:00"],
      description: "Once, at 2026-07-01T11:00:00+02:00 (Europe/Berlin)",
      notes: [],
    });
  });

  it.each([
    [1, "Every minute"],
    [45, "Every 45 minutes"],
    [60, "Every hour"],
    [240, "Every 4 hours"],
    [1_440, "Every 24 hours"],
    [10_080, "Every 7 days of 24 hours"],
  ])("describes an interval of %i minutes", (everyMinutes, english) => {
    expect(preview({ kind: "recurring", everyMinutes, anchor: 0 }, "2026-07-01T09:00:00Z").description).toBe(
      english,
    );
  });
});

describe("notes", () => {
  it("tells of a run whose time is skipped", () => {
    expect(preview(cron("30 2 * * *"), "2026-03-28T12:00:00Z").notes).toEqual([
      "On 2026-03-29 the clocks of Europe/Berlin go forward from 02:00 to 03:00. 02:30 does not exist then: that run comes at 03:30.",
    ]);
  });

  it("tells of it also from within the hour after the gap", () => {
    expect(preview(cron("30 2 * * *"), "2026-03-29T01:05:00Z", 1).notes).toEqual([
      expect.stringContaining("that run comes at 03:30"),
    ]);
  });

  it("tells of a run whose time comes twice, also when it is the last one shown", () => {
    const note = expect.stringContaining(
      "go back from 03:00 to 02:00. 02:30 comes twice then: it runs the first time",
    );
    expect(preview(cron("30 2 * * *"), "2026-10-24T12:00:00Z", 1).notes).toEqual([note]);
    expect(preview(cron("30 2 * * *"), "2026-10-24T12:00:00Z", 5).notes).toEqual([note]);
  });

  it("tells what an hour of * does on those nights", () => {
    expect(preview(cron("30 * * * *"), "2026-03-29T00:00:00Z").notes).toEqual([
      expect.stringContaining("does not run"),
    ]);
    expect(preview(cron("30 * * * *"), "2026-10-25T00:00:00Z").notes).toEqual([
      expect.stringContaining("runs both times"),
    ]);
    expect(preview(cron("30 0-23 * * *"), "2026-10-25T00:00:00Z").notes).toEqual([
      expect.stringContaining("runs both times"),
    ]);
    expect(preview(cron("30 */2 * * *"), "2026-10-25T00:00:00Z").notes).toEqual([
      expect.stringContaining("it runs the first time only"),
    ]);
  });

  it("says that the UTC time moves when nothing else happens", () => {
    expect(preview(cron("0 9 * * *"), "2026-03-27T12:00:00Z").notes).toEqual([
      "On 2026-03-29 the clocks of Europe/Berlin go forward from 02:00 to 03:00. The runs keep their local time, so their UTC time moves.",
    ]);
    expect(preview(cron("0 9 * * *"), "2026-05-01T12:00:00Z").notes).toEqual([]);
  });

  it("names the day on which midnight is skipped", () => {
    const schedule: Schedule = { kind: "cron", cron: "0 0 * * *", timezone: "America/Havana" };
    expect(preview(schedule, "2026-03-07T12:00:00Z", 1).notes).toEqual([
      expect.stringContaining("On 2026-03-08"),
    ]);
  });

  it("tells how a single local time is meant that is skipped or comes twice", () => {
    const notesOf = (runAt: string) =>
      preview({ kind: "scheduled", runAt: at(runAt) }, "2026-01-01T00:00:00Z").notes;
    expect(notesOf("2026-03-29T01:30:00Z")).toEqual([
      "On 2026-03-29 the clocks of Europe/Berlin go forward from 02:00 to 03:00. 02:30 does not exist then and means 03:30.",
    ]);
    expect(notesOf("2026-10-25T00:00:00Z")).toEqual([
      expect.stringContaining("02:00 comes twice then; this is the first"),
    ]);
    expect(notesOf("2026-10-25T01:59:59Z")).toEqual([
      expect.stringContaining("02:59 comes twice then; this is the second"),
    ]);
    const beside = [
      "2026-03-29T00:59:59Z",
      "2026-03-29T02:00:00Z",
      "2026-10-24T23:59:59Z",
      "2026-10-25T02:00:00Z",
    ];
    expect(beside.flatMap(notesOf)).toEqual([]);
  });

  it("keeps to a handful over many years", () => {
    expect(preview(cron("30 2 * 3,10 0"), "2026-01-01T00:00:00Z", 100).notes).toHaveLength(4);
  });

  it("warns when both day fields are set", () => {
    expect(preview(cron("0 9 1 * MON"), "2026-05-01T12:00:00Z").notes).toEqual([
      expect.stringMatching(/either is enough/),
    ]);
    expect(preview(cron("0 9 * * MON"), "2026-05-01T12:00:00Z").notes).toEqual([]);
  });

  it("says when it never fires again", () => {
    const past: Schedule = { kind: "scheduled", runAt: at("2026-01-01T00:00:00Z") };
    expect(preview(past, "2026-05-01T12:00:00Z")).toMatchObject({
      next_runs: [],
      notes: [expect.stringMatching(/never fires again/)],
    });
    const ended: Schedule = { ...cron("0 9 * * *"), endAt: at("2026-05-02T00:00:00Z") };
    expect(preview(ended, "2026-05-01T12:00:00Z").notes).toEqual([
      expect.stringMatching(/never fires again.*end_at/),
    ]);
  });

  it("counts the runs that remain before end_at", () => {
    const recurring: Schedule = {
      kind: "recurring",
      everyMinutes: 60,
      anchor: 0,
      endAt: at("2026-05-01T14:00:00Z"),
    };
    expect(preview(recurring, "2026-05-01T12:00:00Z", 5).notes).toEqual([
      "Only 2 runs remain before end_at (2026-05-01T16:00:00+02:00).",
    ]);
    expect(preview(recurring, "2026-05-01T13:00:00Z", 5).notes).toEqual([
      expect.stringMatching(/^Only 1 run remains/),
    ]);
    expect(preview(recurring, "2026-05-01T12:00:00Z", 2).notes).toEqual([]);
  });
});
