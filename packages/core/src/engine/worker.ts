import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../database/signals.ts";
import type { Held } from "../executions/life.sql.ts";
import { begin } from "./begin.ts";
import { createCircuits } from "../sending/circuits.ts";
import { publishCircuits } from "../sending/circuits.sql.ts";
import { type Engine, sessionOf } from "./engine.ts";
import { createFiring } from "./fire.ts";
import { type Loop, startLoop } from "./loop.ts";
import { createDeliveries } from "../deliveries/deliver.ts";
import { createPresence } from "./presence.ts";
import { resume } from "./presence.sql.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { retain, startRetaining } from "./retain.ts";
import { mayTell, settle, toSettled } from "./settle.ts";
import type { SettledAttempt } from "./settle.sql.ts";
import { createSlots } from "./slots.ts";
import { findCanceled } from "./waiting.sql.ts";

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

const settleIdleMs = 1000;
/**
 * Outcomes are gathered this long, so that one statement writes many; longer where many come, and longest where somebody
 * may be told of them: then a batch takes five statements more, however many it writes.
 */
const gatherMs = { idle: 3, backlog: 20, telling: 40 };
/** How often outcomes that the database refuses are tried again. */
const refusedMs = 60_000;
const finishMs = 25_000;

export function createWorker(engine: Engine, options: WorkerOptions = {}): Worker {
  const id = randomUUID();
  const count = options.concurrency ?? 100;
  const self = { id, host: hostname(), pid: process.pid, slots: count };
  const outcomes: SettledAttempt[] = [];
  const circuits = createCircuits();
  let published = false;
  const loops: Record<string, Loop> = {};
  /** Outcomes that the database would not take in any form; they are kept, since their requests were sent. */
  const refused: SettledAttempt[] = [];
  let refusedAt = -Infinity;
  const presence = createPresence(engine.database.db, self);
  let hasToResume = false;
  const held = (): Held[] => [
    ...slots.held(),
    ...[...outcomes, ...refused].map((attempt) => ({ id: attempt.id, number: attempt.number })),
  ];
  const retaining = startRetaining();
  const reconciling = startReconciling({ workerId: id, held, silent: presence.silent });
  let stopListening: (() => Promise<void>) | undefined;

  const slots = createSlots(count, {
    begin: (execution) => begin(engine, execution, { circuits, isSure: presence.isSure }),
    over(execution, answer, startedAt) {
      outcomes.push(toSettled(execution, answer, startedAt));
      loops.settle?.wake();
      if (execution.attempt_count === 1) {
        engine.metrics.lateness(startedAt.getTime() - execution.scheduled_for.getTime());
      }
      engine.metrics.attempt(answer.status, answer.latencyMs);
      firing.noticeAnswer(execution);
    },
  });
  const firing = createFiring(engine, { workerId: id, slots, wake: () => loops.fire?.wake() });

  const deliveries = createDeliveries(engine, {
    wake: () => loops.deliver?.wake(),
    isUpToDate: presence.isUpToDate,
  });

  /** Says that this worker lives. One that was taken for lost takes up again what nobody else has begun since. */
  async function beat(): Promise<void> {
    const { wasLost } = await presence.beat();
    hasToResume ||= wasLost;
    if (!hasToResume) return;
    const resumed = await resume(engine.database.db, id, held());
    hasToResume = false;
    engine.log.warn({ executions: resumed }, "the others took this worker for lost; it goes on");
  }

  async function fireTurn(): Promise<number> {
    // What a worker claims that others take for lost, they would take back from it at once.
    if (!presence.isSure() || hasToResume) await beat();
    return firing.turn();
  }

  async function beatTurn(): Promise<number> {
    const begun = performance.now();
    await beat();
    if (presence.silent().length > 0) loops.reconcile?.wake();
    // The notice of a cancel may have come before the request was sent, or while nobody listened.
    const ids = slots.held().map((execution) => execution.id);
    for (const executionId of await findCanceled(sessionOf(engine), ids))
      slots.abort(executionId, "canceled");
    await publish();
    return Math.max(0, presence.nextMs() - (performance.now() - begun));
  }

  async function publish(): Promise<void> {
    const open = circuits.open();
    if (open.length > 0 || published) await publishCircuits(engine.database.db, id, open);
    published = open.length > 0;
  }

  async function settleAll(): ReturnType<typeof settle> {
    const before = refused.length;
    try {
      return await settle(engine, id, outcomes, refused);
    } finally {
      if (refused.length > before) refusedAt = performance.now();
    }
  }

  async function settleTurn(): Promise<number> {
    if (refused.length > 0 && performance.now() - refusedAt > refusedMs) outcomes.push(...refused.splice(0));
    if (outcomes.length === 0) return settleIdleMs;
    const backlog = outcomes.some(mayTell) ? gatherMs.telling : gatherMs.backlog;
    await sleep(firing.hasBacklog() ? backlog : gatherMs.idle);
    const retries = outcomes.some(({ retry_ms }) => retry_ms !== null);
    const { guarded, freed } = await settleAll();
    // A retry, or who waited in line, may be due sooner than the planner means to sleep.
    if (retries || guarded) loops.fire?.wake();
    if (freed) firing.noticeLines();
    return 0;
  }

  return {
    async start() {
      await beat();
      const turns: Record<string, () => Promise<number>> = {
        settle: settleTurn,
        fire: fireTurn,
        beat: beatTurn,
        deliver: deliveries.turn,
        reconcile: () => reconcile(engine, reconciling),
        retain: () => retain(engine, retaining),
      };
      for (const [name, turn] of Object.entries(turns))
        loops[name] = startLoop({ name, turn, log: engine.log });
      stopListening = await listen(engine.database, {
        due() {
          firing.noticeLines();
          loops.fire?.wake();
        },
        delivery: () => loops.deliver?.wake(),
        cancel: (executionId) => slots.abort(executionId, "canceled"),
      });
    },
    async stop() {
      try {
        await Promise.all([
          loops.fire?.stop(),
          loops.reconcile?.stop(),
          loops.retain?.stop(),
          loops.deliver?.stop(),
        ]);
        const told = Promise.allSettled([deliveries.finish()]);
        firing.stop();
        await Promise.race([slots.idle(), sleep(finishMs, undefined, { ref: false })]);
        await slots.interrupt();
        await loops.settle?.stop();
        await settleAll();
        await told;
      } finally {
        // Whatever could not be written is found by the others, once this worker beats no more.
        await Promise.all(Object.values(loops).map((loop) => loop.stop()));
        await stopListening?.();
        await presence.leave(held().length);
      }
    },
    loopAges: () => Object.fromEntries(Object.entries(loops).map(([name, loop]) => [name, loop.age()])),
    slots: () => ({ busy: slots.busy(), free: count - slots.busy() }),
  };
}
