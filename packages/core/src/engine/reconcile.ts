import { NIL } from "uuid";
import { endFor, endWaiting, type Held, type Left, takeBack } from "../executions/life.sql.ts";
import { analyzeGrown } from "./analyze.sql.ts";
import { type Engine, inTransaction, sessionOf } from "./engine.ts";
import { countRunningInDefault, findExpiredInLines } from "./lines.sql.ts";
import { lookAfterDeliveries, start as startWalk, type Walk } from "../deliveries/look-after.ts";
import { endMore } from "../executions/endings.sql.ts";
import { notifyOfRunning } from "../rules/notify.ts";
import { tell } from "../rules/tell.ts";
import { mendJobs } from "./mend-jobs.ts";
import { type Beat, forgetLostWorkers, loseWorkers } from "./presence.sql.ts";
import { lookForLeft } from "./reconcile.sql.ts";

const pauseMs = 5000;

/** The worker that looks after what others left. */
interface Reconciler {
  workerId: string;
  /** What the worker has in hand. */
  held: () => Held[];
  /** Which others no longer beat. */
  silent: () => Beat[];
  /** Milliseconds on a clock that nobody sets. */
  steady: () => number;
}

/** What the passes of one worker's reconciler know of each other, and of the worker. */
export interface Reconciling extends Reconciler {
  round: Round;
  deliveries: Walk;
  /** Where the look for jobs to mend goes on. */
  cursor: string;
}

/** One look at all executions that are not over, a stretch at a time. */
interface Round {
  cursor: string;
  /** It has found some that were left. */
  found: boolean;
  /** What runs though nobody is known to have it, and since when that has been seen … */
  suspects: Map<string, number>;
  /** … and what the round before knew of that. */
  before: Map<string, number>;
}

function nextRound(last?: Round): Round {
  return { cursor: NIL, found: false, suspects: new Map(), before: last?.suspects ?? new Map() };
}

export function startReconciling(worker: Partial<Reconciler> & { workerId: string }): Reconciling {
  return {
    held: () => [],
    silent: () => [],
    steady: () => performance.now(),
    ...worker,
    round: nextRound(),
    deliveries: startWalk(),
    cursor: NIL,
  };
}

/** Longer than any statement of the road may take, so that an answer to a claim is not still on its way. */
const suspectMs = 30_000;

/** Mends what a dead worker, a killed process or a bug left behind, and says so. Answers when to look again. */
export async function reconcile(engine: Engine, state: Reconciling): Promise<number> {
  const { db } = engine.database;
  const silent = state.silent();
  if (silent.length > 0) {
    await loseWorkers(db, silent);
    engine.log.warn({ workers: silent.map(({ id }) => id) }, "took workers for lost that no longer beat");
  }
  await analyzeGrown(sessionOf(engine));
  await countRunningInDefault(sessionOf(engine), { cursor: state.round.cursor, limit: stretch });
  if (await takeBackLeft(engine, state)) return 0;
  if (await inTransaction(engine, endMore)) return 0;
  if (await endExpiredInLines(engine)) return 0;
  await tellOfRunning(engine, state.held());
  await lookAfterDeliveries(engine, state.deliveries);
  state.cursor = await mendJobs(engine, state.cursor);
  return pauseMs;
}

/** Takes back what lost workers held, stretch by stretch. Answers whether to go on at once. */
async function takeBackLeft(engine: Engine, state: Reconciling): Promise<boolean> {
  const { database, log } = engine;
  const { round, workerId } = state;
  const self = { id: workerId, held: state.held() };
  const seen = await lookForLeft(sessionOf(engine), { cursor: round.cursor, limit: stretch }, self);
  const left = seen.left.filter((one) => one.lost || isLeftForLong(round, one, state.steady()));
  const taken = left.length === 0 ? [] : await inTransaction(engine, (session) => takeBack(session, left));
  if (taken.length > 0) log.warn({ executions: taken.length }, "took executions back whose worker is lost");
  round.found ||= left.length > 0;
  round.cursor = seen.cursor ?? NIL;
  const { lostWorkers } = seen;
  if (round.cursor !== NIL) return lostWorkers.length > 0;
  if (lostWorkers.length > 0 && !round.found) await forgetLostWorkers(database.db, lostWorkers);
  state.round = nextRound(round);
  // What somebody else had locked for the moment is found in the next round, after a pause.
  return lostWorkers.length > 0 && taken.length > 0;
}

function isLeftForLong({ before, suspects }: Round, left: Left, now: number): boolean {
  const name = `${left.id} ${left.number} ${left.worker_id}`;
  const since = before.get(name) ?? now;
  suspects.set(name, since);
  return now - since >= suspectMs;
}

/** What this worker has in hand may have been running for longer than somebody wants to know. */
async function tellOfRunning(engine: Engine, held: Held[]): Promise<void> {
  if (held.length === 0) return;
  const ids = held.map(({ id }) => id);
  await inTransaction(engine, async (session) => tell(session, await notifyOfRunning(session, ids)));
}

const stretch = 1000;

/** Where nobody has a turn, nobody sees that somebody's time has run out. Answers whether there may be more. */
async function endExpiredInLines(engine: Engine): Promise<boolean> {
  return inTransaction(engine, async (session) => {
    const ids = await findExpiredInLines(session, stretch);
    await endWaiting(
      session,
      ids.map((id) => endFor(id, "ttl")),
    );
    return ids.length === stretch;
  });
}
