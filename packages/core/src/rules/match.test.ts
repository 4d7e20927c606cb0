import { expect, test } from "vitest";
import type { ExecutionStatus, RuleEvent, Trigger } from "@org/scheduler-contract";
import { type Ended, type HoldingRule, type JobBefore, longestMs, notificationsOf } from "./match.ts";

const healthy: JobBefore = {
  failures: 0,
  isAlerted: false,
  failingSince: null,
  alertThreshold: null,
  usualMs: null,
};

const rule = (event: RuleEvent, more: Partial<HoldingRule> = {}): HoldingRule => ({
  channelId: "c",
  event,
  threshold: null,
  seconds: null,
  times: null,
  ...more,
});

/** `F`ailed, e`X`pired, `S`ucceeded, `C`anceled, in their order; a small letter is a replay. */
const letters: Record<string, ExecutionStatus> = { F: "failed", X: "expired", S: "succeeded", C: "canceled" };
const ends = (course: string, tookMs = 10): Ended[] =>
  course.split("").map((letter, index) => ({
    id: String(index),
    status: letters[letter.toUpperCase()]!,
    trigger: (letter === letter.toLowerCase() ? "replay" : "schedule") satisfies Trigger,
    finishedAt: new Date(index * 1000),
    tookMs,
  }));

/** At which ends a rule tells, each as its index. */
const told = (rules: HoldingRule[], course: string, job: Partial<JobBefore> = {}) =>
  notificationsOf({ ...healthy, ...job }, rules, ends(course))
    .told.map(({ executionId }) => executionId)
    .join("");

test.each<[RuleEvent, string, string]>([
  ["on_success", "SFSCs", "024"],
  ["on_failure", "SFXCf", "124"],
  ["on_completion", "SFXC", "0123"],
  ["on_first_failure", "FFSFXSF", "036"],
  ["on_alert", "FFSF", "03"],
  ["on_recovery", "FSSFFS", "15"],
])("%s of %s is told at %s", (event, course, expected) => {
  const rules =
    event === "on_recovery" ? [rule(event), rule("on_alert", { channelId: "other" })] : [rule(event)];
  const told = notificationsOf(healthy, rules, ends(course)).told.filter((one) => one.event === event);
  expect(told.map(({ executionId }) => executionId).join("")).toBe(expected);
});

test("an alert is told once for each incident, at its threshold, wherever the incident began", () => {
  const rules = [rule("on_alert", { threshold: 3 })];
  expect(told(rules, "FFFFSFFF")).toBe("27");
  expect(told(rules, "FFF", { failures: 2 })).toBe("0");
  expect(told(rules, "FFF", { failures: 3, isAlerted: true })).toBe("");
});

test("a threshold that is lowered, or a rule that is added, in the middle of an incident is told of at once", () => {
  expect(told([rule("on_alert", { threshold: 2 }), rule("on_recovery")], "FFS", { failures: 5 })).toBe("02");
  expect(told([rule("on_alert", { threshold: 2 })], "F", { failures: 5, isAlerted: true })).toBe("");
});

test("the threshold is the rule's, else the job's, else one", () => {
  expect(told([rule("on_alert")], "FFF", { alertThreshold: 2 })).toBe("1");
  expect(told([rule("on_alert", { threshold: 3 })], "FFF", { alertThreshold: 2 })).toBe("2");
  expect(told([rule("on_alert")], "FFF")).toBe("0");
});

test("a recovery is told only after an alert, whoever was told of that", () => {
  expect(told([rule("on_recovery")], "FFFS")).toBe("");
  expect(told([rule("on_recovery")], "FFFS", { alertThreshold: 3 })).toBe("3");
  expect(told([rule("on_recovery")], "FFS", { alertThreshold: 3 })).toBe("");
  expect(told([rule("on_recovery")], "S", { failures: 5, isAlerted: true })).toBe("0");
});

test("replays are about the past: they begin and end no incident", () => {
  const rules = [rule("on_first_failure"), rule("on_alert", { threshold: 2 }), rule("on_recovery")];
  expect(told(rules, "ffsF")).toBe("3");
  expect(told(rules, "FsF")).toBe("02");
});

test("what is told has the count, and since when", () => {
  const [alert, recovery] = notificationsOf(
    healthy,
    [rule("on_alert", { threshold: 2 }), rule("on_recovery")],
    ends("FFS"),
  ).told;
  expect(alert!.about).toEqual({ failures: 2, since: new Date(0).toISOString(), took_ms: 10 });
  expect(recovery!.about).toEqual({ failures: 2, since: new Date(0).toISOString(), took_ms: 10 });
});

test("a success, or a replay, is not told with failures that are none of its own", () => {
  const job = { ...healthy, failures: 3, failingSince: new Date(0) };
  const { told } = notificationsOf(job, [rule("on_completion")], ends("fS"));
  expect(told.map(({ about }) => about)).toEqual([{ took_ms: 10 }, { took_ms: 10 }]);
});

test("a request runs over by its seconds, or by so many times what is usual", () => {
  const of = (more: Partial<HoldingRule>, tookMs: number, usualMs: number | null = null) =>
    notificationsOf({ ...healthy, usualMs }, [rule("on_overrun", more)], ends("S", tookMs)).told.length;
  expect(of({ seconds: 2 }, 2001)).toBe(1);
  expect(of({ seconds: 2 }, 2000)).toBe(0);
  expect(of({ times: 3 }, 301, 100)).toBe(1);
  expect(of({ times: 3 }, 300, 100)).toBe(0);
  // Nobody knows yet what is usual, or it is too short to tell.
  expect(of({ times: 3 }, 100_000)).toBe(0);
  expect(of({ times: 3 }, 149, 1)).toBe(0);
  expect(longestMs({ seconds: 1, times: 3 }, 100)).toBe(300);
});
