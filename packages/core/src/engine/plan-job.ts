import type { CatchUp, Overlap } from "@org/scheduler-contract";
import { slotId } from "../ids.ts";
import { isOneShot, toSchedule } from "../jobs/job.ts";
import { slotsBetween } from "../time/catch-up.ts";
import { nextRun, type Schedule } from "../time/next-run.ts";
import type { DueJob, PlannedExecution, PlannedJob } from "./plan.sql.ts";

/** What is to be done for a job that is due. */
export interface JobPlan {
  due: DueJob;
  /** There is room for one of its executions. */
  starts: boolean;
  job: PlannedJob;
  executions: PlannedExecution[];
  /** Executions before these are to end. */
  cancelsPrevious: boolean;
  /** A slot of a paused queue takes the place of the one that waits there. */
  replacesWaiting: boolean;
}

/** A slot that is found later than this was missed: until then it is merely late, as in a backlog. */
const missedAfterMs = 60_000;

/** How many executions of a job may wait for one another. */
const maxQueued = 100;

/** Whether the slot that is due needs room at all: one that has to wait, for whatever else, needs none yet. */
export function needsRoom({
  has_line,
  overlap,
  open,
}: Pick<DueJob, "has_line" | "overlap" | "open">): boolean {
  return !has_line && (open === 0 || overlap === "allow" || overlap === "cancel_previous");
}

/** How many executions a job may be given, and why no more. */
interface Allowance {
  fires: number;
  error: string;
}

const unbounded: Allowance = { fires: Infinity, error: "" };

/** Decides what becomes of the slots of a due job that have passed: which of them fire, and how. */
export function planJob(due: DueJob, starts: boolean, allowance = unbounded): JobPlan {
  const schedule = toSchedule(due);
  const now = due.now.getTime();
  const { fire, missed, next } = passedSlots(due, schedule, now);
  const left = due.max_runs === null ? Infinity : due.max_runs - due.run_count;
  const executions = fireSlots(due, fire, { starts, now, left, allowance });
  if (missed.count > 0) executions.unshift(missedExecution(due, missed));
  const runs = executions.filter(({ status }) => status === "pending" || status === "running").length;
  const replacesWaiting = due.waits && due.catch_up === "latest" && runs > 0;
  // What takes the place of another is no run more.
  const over = next === null || (runs >= left && !replacesWaiting);
  return {
    due,
    starts,
    job: {
      id: due.id,
      next_run_at: over ? null : new Date(next),
      runs,
      paused: false,
    },
    executions,
    cancelsPrevious: due.overlap === "cancel_previous" && due.open > 0 && runs > 0,
    replacesWaiting,
  };
}

interface Passed {
  /** Oldest first. */
  fire: number[];
  missed: { first: number; count: number; more: boolean };
  next: number | null;
}

function passedSlots(due: DueJob, schedule: Schedule, now: number): Passed {
  const first = due.next_run_at.getTime();
  const oldest = now - madeUpWithinMs(due);
  const second = nextRun(schedule, first);
  // Nearly always nothing else has passed, and then one computation is enough.
  if (second === null || second > now) {
    const fire = first < oldest ? [] : [first];
    return { fire, missed: { first, count: 1 - fire.length, more: false }, next: second };
  }
  const most = due.catch_up === "all" ? due.catch_up_max_runs : 1;
  const { slots, total, more } = slotsBetween(schedule, first, now, most);
  const latest = slots.length < most ? [first, ...slots] : slots;
  const fire = latest.filter((slot) => slot >= oldest);
  const missed = { first, count: total + 1 - fire.length, more };
  return { fire, missed, next: nextRun(schedule, slots.at(-1) ?? first) };
}

/** A single slot fires however late it is, unless it has a time to live: there is no later one to make up for it. */
function madeUpWithinMs({ kind, catch_up, catch_up_window_seconds }: DueJob): number {
  if (isOneShot(kind)) return Infinity;
  return catch_up === "skip" ? missedAfterMs : Math.max(missedAfterMs, catch_up_window_seconds * 1000);
}

function fireSlots(
  due: DueJob,
  slots: number[],
  { starts, now, left, allowance }: { starts: boolean; now: number; left: number; allowance: Allowance },
): PlannedExecution[] {
  const guarded = due.overlap !== "allow" || undefined;
  let before = due.open;
  let started = false;
  return slots.flatMap((slot, index): PlannedExecution | [] => {
    // The job's runs are used up: its schedule ends before this slot.
    if (before - due.open >= left) return [];
    const expires = due.ttl_seconds === null ? undefined : slot + due.ttl_seconds * 1000;
    const execution = {
      ...slotOf(due, slot),
      guarded,
      expires_at: expires === undefined ? undefined : new Date(expires),
    };
    if (expires !== undefined && expires <= now) {
      return {
        ...execution,
        status: "expired",
        reason: "ttl",
        error: `It was to be sent within ${due.ttl_seconds} s.`,
      };
    }
    const overlap = overlapOf(due.overlap, before, index === slots.length - 1);
    if (overlap === "skip")
      return { ...execution, status: "skipped", reason: "overlap", error: skipped(due, before) };
    if (before - due.open >= allowance.fires)
      return { ...execution, status: "skipped", reason: "bound", error: allowance.error };
    before++;
    if (due.paused && isHeldBack(due, index === slots.length - 1)) {
      const error = `Its queue ${due.queue} was paused.`;
      return { ...execution, status: "skipped", reason: "queue_paused", error };
    }
    if (overlap === "queue")
      return { ...execution, status: "pending", reason: "overlap", due_at: new Date(slot), queued: true };
    if (due.has_line) return { ...execution, status: "pending", reason: "queue", line_at: new Date(slot) };
    if (starts && !started) {
      started = true;
      return { ...execution, status: "running" };
    }
    return { ...execution, status: "pending", due_at: new Date(slot) };
  });
}

/**
 * Whether a slot of a paused queue is not to be made up for when that is resumed: the same as if nobody had planned in
 * between. A single slot waits.
 */
function isHeldBack({ kind, catch_up }: DueJob, isLast: boolean): boolean {
  if (isOneShot(kind)) return false;
  return catch_up === "skip" || (catch_up === "latest" && !isLast);
}

/** What a slot does while `before` executions of its job are not over. */
function overlapOf(overlap: Overlap, before: number, isLast: boolean): "start" | "queue" | "skip" {
  switch (overlap) {
    case "allow":
      return "start";
    case "skip":
      return before > 0 ? "skip" : "start";
    case "queue":
      if (before === 0) return "start";
      return before > maxQueued ? "skip" : "queue";
    case "cancel_previous":
      return isLast ? "start" : "skip";
  }
}

function skipped({ overlap }: DueJob, before: number): string {
  switch (overlap) {
    case "queue":
      return `${before} executions of the job are not over, and no more of them may wait.`;
    case "cancel_previous":
      return "A later slot took its place.";
    default:
      return "An execution of the job was not over.";
  }
}

function missedExecution(due: DueJob, { first, count, more }: Passed["missed"]): PlannedExecution {
  const slots = count === 1 ? "1 slot" : `${count}${more ? " or more" : ""} slots`;
  return {
    ...slotOf(due, first),
    status: "skipped",
    reason: "missed",
    error: `${slots} passed while no worker was planning${consequences[due.catch_up]}.`,
  };
}

const consequences: Record<CatchUp, string> = {
  skip: "; the job makes up for none",
  latest: "; only the latest is made up for",
  all: "; these were too many, or too old, to be made up for",
};

/** A job whose schedule cannot be computed stops, and its ledger says so. */
export function parked(due: DueJob): JobPlan {
  const error = "The job is paused: its schedule could not be computed.";
  return {
    due,
    starts: false,
    job: { id: due.id, next_run_at: null, runs: 0, paused: true },
    executions: [
      { ...slotOf(due, due.next_run_at.getTime()), status: "skipped", reason: "unreadable", error },
    ],
    cancelsPrevious: false,
    replacesWaiting: false,
  };
}

function slotOf(due: DueJob, slot: number) {
  return {
    id: slotId(due.id, new Date(slot)),
    scope_id: due.scope_id,
    job_id: due.id,
    queue: due.queue,
    revision_id: due.revision_id,
    scheduled_for: new Date(slot),
  };
}
