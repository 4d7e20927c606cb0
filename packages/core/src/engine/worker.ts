import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sending } from "./attempt.ts";
import { take } from "./dispatch.ts";
import type { Engine } from "./engine.ts";
import {
  beat,
  msUntilNextDue,
  removeWorker,
  type SettledAttempt,
  type StartedExecution,
} from "./engine.sql.ts";
import { type Loop, startLoop } from "./loop.ts";
import { toOutgoing } from "./outgoing.ts";
import { plan } from "./plan.ts";
import { reconcile } from "./reconcile.ts";
import { retain } from "./retain.ts";
import { settle, toSettled } from "./settle.ts";
import { listen, notify } from "../database/notices.ts";

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

/** A nearer due instant wakes the planner; this is how late it notices one that nobody told it about. */
const planPauseMs = 2000;
const dispatchPauseMs = 1000;
/** Outcomes are gathered this long, so that one statement writes many. */
const settlePauseMs = 3;
const beatPauseMs = 3000;
const drainMs = 25_000;

export function createWorker(engine: Engine, options: WorkerOptions = {}): Worker {
  const id = randomUUID();
  const slots = options.concurrency ?? 100;
  const self = { id, host: hostname(), pid: process.pid, slots };
  const underWay = new Map<string, Sending>();
  const waiting: SettledAttempt[] = [];
  const loops: Record<string, Loop> = {};
  let stopListening: (() => Promise<void>) | undefined;
  let onIdle: (() => void) | undefined;

  async function planTurn(): Promise<number> {
    const { tickets, more } = await plan(engine);
    if (tickets > 0) {
      loops.dispatch?.wake();
      // Others may have free slots; the notice is a hint and their poll is the truth.
      if (tickets > slots - underWay.size) await notify(engine.database.db, "tickets");
    }
    if (more) return 0;
    const until = await msUntilNextDue(engine.database.db, engine.clock.now());
    return Math.min(Math.max(until ?? planPauseMs, 1), planPauseMs);
  }

  async function dispatchTurn(): Promise<number> {
    const free = slots - underWay.size;
    // Slots free up one by one; waiting for a few lets one round trip fill them all.
    if (free < Math.max(1, slots / 5)) return dispatchPauseMs;
    const started = await take(engine, id, free);
    for (const execution of started) begin(execution);
    return started.length === free ? 0 : dispatchPauseMs;
  }

  function begin(execution: StartedExecution): void {
    const startedAt = execution.now;
    if (execution.attempt_count === 1)
      engine.metrics.lateness(startedAt.getTime() - execution.scheduled_for.getTime());
    const sending = engine.sender.send(toOutgoing(execution, startedAt));
    underWay.set(execution.id, sending);
    void sending.answer.then((answer) => {
      underWay.delete(execution.id);
      engine.metrics.attempt(answer.status, answer.latencyMs);
      waiting.push(toSettled(execution, answer, startedAt));
      loops.settle?.wake();
      if (slots - underWay.size >= slots / 5) loops.dispatch?.wake();
      if (underWay.size === 0) onIdle?.();
    });
  }

  async function settleTurn(): Promise<number> {
    if (waiting.length === 0) return dispatchPauseMs;
    await sleep(settlePauseMs);
    const retries = waiting.some(({ retry_ms }) => retry_ms !== null);
    await settle(engine, id, waiting);
    // A retry may be due sooner than the planner means to sleep.
    if (retries) loops.plan?.wake();
    return 0;
  }

  return {
    async start() {
      await beat(engine.database.db, self);
      const turn = (name: string, run: () => Promise<number>): void => {
        loops[name] = startLoop({ name, turn: run, log: engine.log });
      };
      turn("settle", settleTurn);
      turn("dispatch", dispatchTurn);
      turn("plan", planTurn);
      turn("beat", async () => {
        await beat(engine.database.db, self);
        return beatPauseMs;
      });
      turn("reconcile", () => reconcile(engine));
      turn("retain", () => retain(engine));
      stopListening = await listen(engine.database, {
        due: () => loops.plan?.wake(),
        tickets: () => loops.dispatch?.wake(),
        cancel: (executionId) => underWay.get(executionId)?.abort("canceled"),
      });
    },
    async stop() {
      await stopListening?.();
      await Promise.all([
        loops.plan?.stop(),
        loops.dispatch?.stop(),
        loops.reconcile?.stop(),
        loops.retain?.stop(),
      ]);
      if (underWay.size > 0) {
        const idle = new Promise<void>((resolve) => (onIdle = resolve));
        await Promise.race([idle, sleep(drainMs, undefined, { ref: false })]);
      }
      const left = [...underWay.values()];
      for (const sending of left) sending.abort("interrupted");
      await Promise.all(left.map(({ answer }) => answer));
      await loops.settle?.stop();
      await settle(engine, id, waiting);
      await loops.beat?.stop();
      await removeWorker(engine.database.db, id);
    },
    loopAges: () => Object.fromEntries(Object.entries(loops).map(([name, loop]) => [name, loop.age()])),
    slots: () => ({ busy: underWay.size, free: slots - underWay.size }),
  };
}
