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

/** What is left to all hosts. */
export interface Room {
  /** Slots. */
  free: number;
  /** Executions that may be claimed, for those and ahead of others. */
  claimable: number;
}

interface Host {
  /** When each request left, the oldest first; those to come last, at no time. */
  held: Map<string, number>;
  /** The last answer came soon. */
  answersSoon: boolean;
}

/** An answer that takes longer keeps a slot for long. */
const soonMs = 250;

/**
 * A host may hold up to a multiple of what is left to all: the more hosts hold, the less each of them may, and there
 * is always a rest for the others. (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
 * switches", 1998.) With 2, a single slow host may hold two thirds of the slots, and two of them two fifths each.
 */
const multiple = { soon: 8, slow: 2 };

/** However full it is, a host may hold a twentieth of the slots, so that the slow ones too go on. */
const floorShare = 20;

/** A host without any request is remembered while there are no more than these. */
const remembered = 1000;

export function createHosts(slots: number): Hosts {
  const hosts = new Map<string, Host>();
  const floor = Math.max(1, Math.floor(slots / floorShare));

  /** A host that never answers says so only by its timeout; until then, the wait itself tells. */
  function answersSoon({ held, answersSoon: did }: Host): boolean {
    const [oldest] = held.values();
    return did && (oldest === undefined || performance.now() - oldest < soonMs);
  }
  function limit(name: string, { free, claimable }: Room): number {
    const host = hosts.get(name);
    const soon = host !== undefined && answersSoon(host);
    // A slow host's next request waits for a slot like the one before: nothing is claimed ahead for it.
    return Math.max(floor, soon ? claimable * multiple.soon : free * multiple.slow);
  }
  const held = (name: string): number => hosts.get(name)?.held.size ?? 0;
  return {
    hold(name, id) {
      let host = hosts.get(name);
      if (!host) hosts.set(name, (host = { held: new Map(), answersSoon: false }));
      host.held.set(id, Infinity);
    },
    send: (name, id) => void hosts.get(name)?.held.set(id, performance.now()),
    release(name, id, { status, latencyMs }) {
      const host = hosts.get(name);
      if (!host) return;
      host.held.delete(id);
      host.answersSoon = status === "succeeded" && latencyMs < soonMs;
      if (host.held.size === 0 && hosts.size > remembered) hosts.delete(name);
    },
    isFull: (name, room, more = 0) => held(name) + more >= limit(name, room),
  };
}
