import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, notify } from "../database/notices.ts";
import type { Answer } from "./attempt.ts";
import { begin, type Begun } from "./begin.ts";
import { take } from "./dispatch.ts";
import type { Engine } from "./engine.ts";
import { type Loop, startLoop } from "./loop.ts";
import { plan } from "./plan.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { beat, removeWorker } from "./reconcile.sql.ts";
import { retain } from "./retain.ts";
import { findCanceled, type SettledAttempt, type StartedExecution } from "./road.sql.ts";
import { settle, toSettled } from "./settle.ts";
import { spanOfAttempt } from "./span.ts";

export interface WorkerOptions {
  /** How many requests may be under way at once. 100 unless told. */
  concurrency?: number;
}

/** Runs the road of a fire in this process: plans, dispatches, settles, and looks after what others left. */
export interface Worker {
  start(): Promise<void>;
  /** Takes nothing new, lets requests under way finish for up to 25 s, hands back the rest. */
  stop(): Promise<void>;
  /** Milliseconds since each loop last turned. */
  loopAges(): Record<string, number>;
  /** Requests under way, and slots without one. */
  slots(): { busy: number; free: number };
}

/** How late a nearer due instant, or a ticket, is noticed that nobody told about. */
const pollMs = 1000;
/** How long slots that free up one by one are gathered while there is a backlog. */
const gatherSlotsMs = 20;
const settleIdleMs = 1000;
/** Outcomes are gathered this long, so that one statement writes many. */
const gatherMs = 3;
const beatMs = 3000;
const finishMs = 25_000;

export function createWorker(engine: Engine, options: WorkerOptions = {}): Worker {
  const id = randomUUID();
  const slots = options.concurrency ?? 100;
  const self = { id, host: hostname(), pid: process.pid, slots };
  const underWay = new Map<string, Begun>();
  const waiting: SettledAttempt[] = [];
  const loops: Record<string, Loop> = {};
  const held = (): string[] => [...underWay.keys(), ...waiting.map((attempt) => attempt.id)];
  const reconciling = startReconciling({ workerId: id, held });
  /** While more is due than there are slots, a round trip for less room than this waits a moment for more of it. */
  const worthwhile = Math.max(1, Math.floor(slots / 4));
  let backlog = false;
  let lastPass = -Infinity;
  let ticketsLookedAt = -Infinity;
  let ticketsMayWait = true;
  let stopListening: (() => Promise<void>) | undefined;
  let onIdle: (() => void) | undefined;

  const room = (): number => slots - underWay.size;

  /** Fills the free slots: first with tickets, which have waited longest, then with what is due. */
  async function fireTurn(): Promise<number> {
    const since = performance.now() - lastPass;
    if (backlog && room() < worthwhile && since < gatherSlotsMs) return gatherSlotsMs - since;
    lastPass = performance.now();
    if (room() > 0 && (ticketsMayWait || performance.now() - ticketsLookedAt > pollMs)) {
      ticketsLookedAt = performance.now();
      ticketsMayWait = false;
      const taken = await take(engine, { workerId: id, count: room() });
      ticketsMayWait ||= taken.more;
      for (const execution of taken.started) send(execution);
    }
    const pass = await plan(engine, { workerId: id, room: room() });
    for (const execution of pass.started) send(execution);
    if (pass.tickets > 0) {
      ticketsMayWait = true;
      // Others may have free slots; the notice is a hint and their poll is the truth.
      await notify(engine.database.db, "tickets");
    }
    backlog = pass.more || ticketsMayWait;
    if (!backlog) return Math.min(pass.nextInMs ?? pollMs, pollMs);
    if (room() >= worthwhile) return 0;
    return room() > 0 ? gatherSlotsMs : pollMs;
  }

  function send(execution: StartedExecution): void {
    const endSpan = spanOfAttempt(execution);
    const begun = begin(engine, execution);
    underWay.set(execution.id, begun);
    const record = (answer: Answer): void => {
      underWay.delete(execution.id);
      const startedAt = begun.startedAt();
      waiting.push(toSettled(execution, answer, startedAt));
      if (execution.attempt_count === 1) {
        engine.metrics.lateness(startedAt.getTime() - execution.scheduled_for.getTime());
      }
      engine.metrics.attempt(answer.status, answer.latencyMs);
      endSpan(answer);
      loops.settle?.wake();
      if (backlog && (room() >= worthwhile || room() === 1)) loops.fire?.wake();
      if (underWay.size === 0) onIdle?.();
    };
    // An outcome that could not be noted leaves a stray, which is found and goes on.
    begun.answer
      .then(record)
      .catch((error: unknown) =>
        engine.log.error({ execution: execution.id, err: error }, "an outcome was lost"),
      );
  }

  async function settleTurn(): Promise<number> {
    if (waiting.length === 0) return settleIdleMs;
    await sleep(gatherMs);
    const retries = waiting.some(({ retry_ms }) => retry_ms !== null);
    await settle(engine, id, waiting);
    // A retry may be due sooner than the planner means to sleep.
    if (retries) loops.fire?.wake();
    return 0;
  }

  return {
    async start() {
      await beat(engine.database.db, self);
      const turns: Record<string, () => Promise<number>> = {
        settle: settleTurn,
        fire: fireTurn,
        beat: async () => {
          await beat(engine.database.db, self);
          // The notice of a cancel may have come before the request was sent, or while nobody listened.
          const canceled =
            underWay.size === 0 ? [] : await findCanceled(engine.database.db, [...underWay.keys()]);
          for (const executionId of canceled) underWay.get(executionId)?.abort("canceled");
          return beatMs;
        },
        reconcile: () => reconcile(engine, reconciling),
        retain: () => retain(engine),
      };
      for (const [name, turn] of Object.entries(turns))
        loops[name] = startLoop({ name, turn, log: engine.log });
      stopListening = await listen(engine.database, {
        due: () => loops.fire?.wake(),
        tickets: () => {
          ticketsMayWait = true;
          if (room() > 0) loops.fire?.wake();
        },
        cancel: (executionId) => underWay.get(executionId)?.abort("canceled"),
      });
    },
    async stop() {
      try {
        await Promise.all([loops.fire?.stop(), loops.reconcile?.stop(), loops.retain?.stop()]);
        if (underWay.size > 0) {
          const idle = new Promise<void>((resolve) => (onIdle = resolve));
          await Promise.race([idle, sleep(finishMs, undefined, { ref: false })]);
        }
        const left = [...underWay.values()];
        for (const sending of left) sending.abort("interrupted");
        await Promise.all(left.map(({ answer }) => answer));
        await loops.settle?.stop();
        await settle(engine, id, waiting);
      } finally {
        // Whatever could not be written is found by the others, once this worker beats no more.
        await Promise.all(Object.values(loops).map((loop) => loop.stop()));
        await stopListening?.();
        await removeWorker(engine.database.db, id);
      }
    },
    loopAges: () => Object.fromEntries(Object.entries(loops).map(([name, loop]) => [name, loop.age()])),
    slots: () => ({ busy: underWay.size, free: room() }),
  };
}
