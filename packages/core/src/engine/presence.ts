import { lostAfterMs } from "../database/lost.ts";
import type { Db } from "../database/tables.ts";
import { lost } from "../executions/life.sql.ts";
import { type Beat, beatAgain, join, leave } from "./presence.sql.ts";

/** How often a worker says that it lives. */
const beatMs = 3000;
/** A worker that heard nothing of the database for longer than this may have missed what the others said meanwhile. */
const gapMs = 5000;
/** The others take nobody for dead this soon, with time left for a request to leave. */
const sureMs = lostAfterMs - beatMs;

/** What a worker tells the others of itself, and what it hears of them. */
export interface Presence {
  /** Answers whether the others had taken this worker for dead, so that what it holds may be theirs by now. */
  beat(): Promise<{ wasLost: boolean }>;
  /** Whether nobody else can have taken this worker for dead: what it claims and sends now is its own. */
  isSure(): boolean;
  /**
   * Whether what others hold may be judged by a lease: after an outage of the database they have not had the time to
   * write what they held through it. Nobody need wait for a worker that is alone.
   */
  isUpToDate(): boolean;
  /** Who has not beaten for 15 s, during which this worker saw the database without a break. Never this one. */
  silent(): Beat[];
  /** Until somebody may be silent for long enough; no later than the next beat. */
  nextMs(): number;
  /** Tells the others that this worker is gone, and how much it could not hand back. */
  leave(held: number): Promise<void>;
}

/** Instants in milliseconds: of a clock that nobody sets, and of one that goes on while the machine sleeps. */
export interface Elapsing {
  steady(): number;
  wall(): number;
}

const machine: Elapsing = { steady: () => performance.now(), wall: () => Date.now() };

/**
 * Nobody is judged by how old a heartbeat is: after an outage of the database, or a night's sleep of the machine, all
 * of them are old. What counts is that a heartbeat does not change while the one who judges is watching.
 */
export function createPresence(
  db: Db,
  self: { id: string; host: string; pid: number; slots: number },
  elapsing: Elapsing = machine,
): Presence {
  const instant = (): { steady: number; wall: number } => ({
    steady: elapsing.steady(),
    wall: elapsing.wall(),
  });
  const never = { steady: -Infinity, wall: -Infinity };
  /** The longer of the two: a machine that sleeps stops the one clock, and whoever sets the other moves it back. */
  const since = (then: typeof never): number =>
    Math.max(elapsing.steady() - then.steady, elapsing.wall() - then.wall);

  let saidAt = never;
  let heardAt = never;
  /** When it heard of the database again after it had not for a while. */
  let backAt = -Infinity;
  let joined = false;
  let watched = new Map<string, Beat & { since: number }>();

  function hear(others: Beat[]): void {
    const onEnd = since(heardAt) <= gapMs;
    heardAt = instant();
    if (!onEnd) backAt = heardAt.steady;
    watched = new Map(
      others
        .filter(({ beat }) => beat !== lost)
        .map((other) => {
          const before = watched.get(other.id);
          const isSame = onEnd && before?.beat === other.beat;
          return [other.id, isSame ? before : { ...other, since: heardAt.steady }];
        }),
    );
  }
  const silentFor = (worker: { since: number }): number => heardAt.steady - worker.since;

  return {
    async beat() {
      // What the database has heard, it heard later than this.
      const begun = instant();
      const others = await beatAgain(db, self.id);
      if (others === null) {
        await join(db, self);
        heardAt = instant();
      } else hear(others);
      const wasLost = others === null && joined;
      joined = true;
      saidAt = begun;
      return { wasLost };
    },
    isSure: () => since(saidAt) < sureMs,
    isUpToDate: () =>
      watched.size === 0 || (since(heardAt) <= gapMs && elapsing.steady() - backAt >= lostAfterMs),
    silent: () => [...watched.values()].filter((worker) => silentFor(worker) >= lostAfterMs),
    nextMs() {
      const left = [...watched.values()].map((worker) => lostAfterMs - silentFor(worker));
      return Math.min(beatMs, ...left.filter((ms) => ms > 0).map((ms) => Math.ceil(ms)));
    },
    leave: (held) => leave(db, { id: self.id, held }),
  };
}
