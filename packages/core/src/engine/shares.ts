import type { Answer } from "../sending/answer.ts";

/** What a worker holds for each scope and host, and what that leaves for others. */
export interface Shares {
  hold(share: string, id: string): void;
  /** Its request leaves now. */
  send(share: string, id: string): void;
  release(share: string, id: string, answer: Answer): void;
  /** Looks at who holds how much, for as long as nothing else is held or let go. */
  look(): Look;
}

/** Who may hold more, what is admitted meanwhile included. */
interface Look {
  isFull(share: string, room: Room): boolean;
  /** It will be held. */
  admit(share: string): void;
}

/** How the last answer came; a host that has given none yet is new. */
type Pace = "new" | "soon" | "slow";

/** What is left to all. */
interface Room {
  /** Slots. */
  free: number;
  /** Executions that may be claimed, for those and ahead of others. */
  claimable: number;
}

interface Held {
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

/**
 * What a scope may hold of requests whose hosts are not known to answer soon, all of them together: a fleet of hosts
 * that hang, each of them within its own share, would have all slots otherwise.
 */
const scopeMultiple: Record<Pace, number> = { soon: 8, new: 8, slow: 4 };

/** However full it is, a host may hold a twentieth of the slots, and a scope as much, so that the slow ones too go on. */
const floorShare = 20;

/** A host without any request is remembered while there are no more than these. */
const remembered = 1000;

export function createShares(slots: number): Shares {
  const hosts = new Map<string, Held>();
  const floor = Math.max(1, Math.floor(slots / floorShare));

  /** A host that never answers says so only by its timeout; until then, the wait itself tells. */
  function paceOf(share: string): Pace {
    const host = hosts.get(share);
    if (host === undefined) return "new";
    const [oldest] = host.held.values();
    return oldest !== undefined && performance.now() - oldest >= soonMs ? "slow" : host.pace;
  }
  const scopeOf = (share: string): string => share.slice(0, share.indexOf(" "));

  /** Of each scope, how much it holds for hosts that are not known to answer soon. */
  function countUnsure(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [share, { held }] of hosts)
      if (held.size > 0 && paceOf(share) !== "soon") add(counts, scopeOf(share), held.size);
    return counts;
  }

  return {
    hold(share, id) {
      let host = hosts.get(share);
      if (!host) hosts.set(share, (host = { held: new Map(), pace: "new" }));
      host.held.set(id, Infinity);
    },
    send: (share, id) => void hosts.get(share)?.held.set(id, performance.now()),
    release(share, id, { status, latencyMs }) {
      const host = hosts.get(share);
      if (!host) return;
      host.held.delete(id);
      host.pace = status === "succeeded" && latencyMs < soonMs ? "soon" : "slow";
      if (host.held.size === 0 && hosts.size > remembered) hosts.delete(share);
    },
    look() {
      const unsure = countUnsure();
      const seen = new Map<string, { held: number; pace: Pace; scope: string }>();
      const see = (share: string): { held: number; pace: Pace; scope: string } => {
        let known = seen.get(share);
        if (!known) {
          known = { held: hosts.get(share)?.held.size ?? 0, pace: paceOf(share), scope: scopeOf(share) };
          seen.set(share, known);
        }
        return known;
      };
      return {
        isFull(share, { free, claimable }) {
          const { held, pace, scope } = see(share);
          // Nothing is claimed ahead for a host whose requests may hold their slots for long.
          if (held >= Math.max(floor, (pace === "soon" ? claimable : free) * multiple[pace])) return true;
          if (pace === "soon") return false;
          return (unsure.get(scope) ?? 0) >= Math.max(floor, free * scopeMultiple[pace]);
        },
        admit(share) {
          const known = see(share);
          known.held++;
          if (known.pace !== "soon") add(unsure, known.scope, 1);
        },
      };
    },
  };
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
