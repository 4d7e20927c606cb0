import type { RuleEvent } from "@org/scheduler-contract";
import type { Session } from "../database/statement.ts";
import { type Fresh, mutedBy, storeNotifications } from "./gather.ts";
import { type Ended, type JobBefore, longestMs, type Notification, notificationsOf } from "./match.ts";
import {
  findRules,
  findRunning,
  type Held,
  lockQueueHealth,
  noteOverruns,
  noteQueueHealth,
} from "./rules.sql.ts";
import type { DueDelivery } from "./tell.ts";

/** An execution that is over, and its place among those of its job that came to their end with it. */
export interface OverInOrder {
  id: string;
  order: number;
}

/**
 * Stores what rules want to be told of ends, in the transaction of those: as many statements for many as for one. Answers
 * what is due.
 */
export async function notifyOfEnds(session: Session, over: OverInOrder[]): Promise<DueDelivery[]> {
  const orders = new Map(over.map(({ id, order }) => [id, order]));
  const held = await findRules(
    session,
    over.map(({ id }) => id),
  );
  const inOrder = held.toSorted((one, other) => orders.get(one.id)! - orders.get(other.id)!);
  const [ofQueues, ofJobs] = [true, false].map((is) => inOrder.filter((row) => isOfQueue(row) === is)) as [
    Held[],
    Held[],
  ];
  const byJob = Map.groupBy(ofJobs, (row) => row.job_id);
  const fresh = [...byJob.values()].flatMap(ofJob);
  return storeNotifications(session, onceEach([...fresh, ...(await ofQueuesIn(session, ofQueues))]));
}

/** A job that runs once has no failures in a row: of those in a queue, they are the queue's. */
function isOfQueue({ is_of_queue, repeats, event }: Held): boolean {
  return is_of_queue && !repeats && ofIncidents.includes(event);
}

const ofIncidents: RuleEvent[] = ["on_first_failure", "on_alert", "on_recovery"];

/** Rows of queues whose rules count the failures of jobs that run once. */
async function ofQueuesIn(session: Session, rows: Held[]): Promise<Fresh[]> {
  if (rows.length === 0) return [];
  const byQueue = Map.groupBy(rows, queueOf);
  const known = await lockQueueHealth(
    session,
    [...byQueue.values()].map(([row]) => ({ scope_id: row!.scope_id, queue: row!.queue })),
  );
  const health = new Map(known.map((one) => [queueOf(one), one]));
  const fresh = [...byQueue].flatMap(([name, of]) => {
    const before = health.get(name)!;
    const { told, after } = matched(of, {
      failures: before.failures,
      isAlerted: before.is_alerted,
      failingSince: before.failing_since,
      alertThreshold: null,
      usualMs: null,
    });
    Object.assign(before, {
      failures: after.failures,
      is_alerted: after.isAlerted,
      failing_since: after.failingSince,
    });
    return told;
  });
  await noteQueueHealth(session, known);
  return fresh;
}

function queueOf({ scope_id, queue }: Pick<Held, "scope_id" | "queue">): string {
  return `${scope_id} ${queue}`;
}

/** Stores what rules want to be told of slots that were missed. */
export async function notifyOfMissed(session: Session, ids: string[]): Promise<DueDelivery[]> {
  const held = ids.length === 0 ? [] : await findRules(session, ids);
  const told = held.filter(({ event }) => event === "on_missed").map((row) => toFresh(row, {}));
  return storeNotifications(session, onceEach(told));
}

/** Stores what rules want to be told of executions that have been running for too long. */
export async function notifyOfRunning(session: Session, ids: string[]): Promise<DueDelivery[]> {
  const held = ids.length === 0 ? [] : await findRunning(session, ids);
  const late = held.filter((row) => row.took_ms !== null && row.took_ms > longestMs(row, row.usual_ms));
  const fresh = onceEach(
    late.map((row) => toFresh(row, { took_ms: Math.round(row.took_ms!), ...usual(row) })),
  );
  await noteOverruns(session, fresh);
  return storeNotifications(session, fresh);
}

/** Rows of the executions of one job, in their order, each with each of its rules. */
function ofJob(rows: Held[]): Fresh[] {
  const first = rows[0]!;
  return matched(rows, {
    failures: first.failures_before,
    isAlerted: first.was_alerted,
    failingSince: first.failing_since,
    alertThreshold: first.alert_threshold,
    usualMs: first.usual_ms,
  }).told;
}

function matched(
  rows: Held[],
  before: JobBefore,
): { told: Fresh[]; after: ReturnType<typeof notificationsOf>["after"] } {
  const first = rows[0]!;
  const rules = rows
    .filter(({ id }) => id === first.id)
    .map(({ channel_id: channelId, event, threshold, seconds, times }) => {
      return { channelId, event, threshold, seconds, times };
    });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const { told, after } = notificationsOf(before, rules, [...byId.values()].map(toEnded));
  return {
    told: told
      .filter((one) => !isToldAlready(one, byId.get(one.executionId)!))
      .map((one) => toFresh(byId.get(one.executionId)!, aboutOf(one, first), one)),
    after,
  };
}

function isToldAlready({ event, channelId }: Notification, { overrun_told: told }: Held): boolean {
  return event === "on_overrun" && told?.includes(channelId) === true;
}

function aboutOf({ event, about }: Notification, row: Held): Fresh["about"] {
  return event === "on_overrun" ? { ...about, ...usual(row) } : about;
}

function usual({ usual_ms }: Held): { usual_ms?: number } {
  return usual_ms === null ? {} : { usual_ms: Math.round(usual_ms) };
}

function toEnded(row: Held): Ended {
  const { id, status, trigger, took_ms: tookMs } = row;
  return { id, status, trigger, tookMs, finishedAt: row.finished_at! };
}

function toFresh(
  row: Held,
  about: Fresh["about"],
  { channelId, event }: Pick<Notification, "channelId" | "event"> = {
    channelId: row.channel_id,
    event: row.event,
  },
): Fresh {
  const { id: executionId, job_id: jobId, job_name: jobName, scope_id: scopeId } = row;
  return { scopeId, channelId, executionId, jobId, jobName, event, about, muted: mutedOf(row) };
}

/** Of a job and its queue, whichever is silent for longer. */
function mutedOf({ job_id, queue, job_muted_until: job, queue_muted_until: ofQueue }: Held): Fresh["muted"] {
  if (job === null && ofQueue === null) return undefined;
  return (job?.getTime() ?? 0) >= (ofQueue?.getTime() ?? 0)
    ? { by: mutedBy.job(job_id), until: job! }
    : { by: mutedBy.queue(queue), until: ofQueue! };
}

/** A job's own rule and that of all may say the same to the same channel. */
function onceEach(fresh: Fresh[]): Fresh[] {
  const seen = new Map(
    fresh.map((one) => [`${one.executionId} ${one.channelId} ${one.event}`, one] as const),
  );
  return [...seen.values()];
}
