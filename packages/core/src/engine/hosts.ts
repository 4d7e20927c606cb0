import type { Answer } from "./attempt.ts";

/** What a worker holds for each host, and what that leaves for others. */
export interface Hosts {
  hold(host: string, id: string): void;
  /** Its request leaves now. */
  send(host: string, id: string): void;
  release(host: string, id: string, answer: Answer): void;
  /** Whether it holds as much as it may, once it holds so many `more`. */
  isFull(host: string, room: Room, more?: number): boolean;
}

/** How the last answer came; a host that has given none yet is new. */
type Pace = "new" | "soon" | "slow";

/** What is left to all hosts. */
interface Room {
  /** Slots. */
  free: number;
  /** Executions that may be claimed, for those and ahead of others. */
  claimable: number;
}

interface Host {
  /** When each request left, the oldest first; those to come last, at no time. */
  held: Map<string, number>;
  pace: Pace;
}

/** An answer that takes longer keeps a slot for long. */
const soonMs = 250;

/**
 * A host may hold up to a multiple of what is left to all: the more hosts hold, the less each of them may, and there
 * is always a rest for the others. (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
 * switches", 1998.) With 2, a single slow host may hold two thirds of the slots, and two of them two fifths each.
 */
const multiple: Record<Pace, number> = { soon: 8, new: 4, slow: 2 };

/** However full it is, a host may hold a twentieth of the slots, so that the slow ones too go on. */
const floorShare = 20;

/** A host without any request is remembered while there are no more than these. */
const remembered = 1000;

export function createHosts(slots: number): Hosts {
  const hosts = new Map<string, Host>();
  const floor = Math.max(1, Math.floor(slots / floorShare));

  /** A host that never answers says so only by its timeout; until then, the wait itself tells. */
  function paceOf({ held, pace }: Host): Pace {
    const [oldest] = held.values();
    return oldest !== undefined && performance.now() - oldest >= soonMs ? "slow" : pace;
  }
  function limit(name: string, { free, claimable }: Room): number {
    const host = hosts.get(name);
    const pace = host === undefined ? "new" : paceOf(host);
    // Nothing is claimed ahead for a host whose requests may hold their slots for long.
    return Math.max(floor, (pace === "soon" ? claimable : free) * multiple[pace]);
  }
  const held = (name: string): number => hosts.get(name)?.held.size ?? 0;
  return {
    hold(name, id) {
      let host = hosts.get(name);
      if (!host) hosts.set(name, (host = { held: new Map(), pace: "new" }));
      host.held.set(id, Infinity);
    },
    send: (name, id) => void hosts.get(name)?.held.set(id, performance.now()),
    release(name, id, { status, latencyMs }) {
      const host = hosts.get(name);
      if (!host) return;
      host.held.delete(id);
      host.pace = status === "succeeded" && latencyMs < soonMs ? "soon" : "slow";
      if (host.held.size === 0 && hosts.size > remembered) hosts.delete(name);
    },
    isFull: (name, room, more = 0) => held(name) + more >= limit(name, room),
  };
}
