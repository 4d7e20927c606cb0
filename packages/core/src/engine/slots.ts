import type { Held, StartedExecution } from "../executions/life.sql.ts";
import type { Answer } from "../sending/answer.ts";
import type { Sent } from "../sending/send.ts";
import { unsent } from "../sending/unsent.ts";
import { type Destination, shareOf } from "../sending/destination.ts";
import { createShares } from "./shares.ts";

/** The slots of a worker: what is under way, and what was claimed ahead and waits for the next free one. */
export interface Slots {
  /** How many there are. */
  count: number;
  /** Sends it now, or as soon as there is a slot; with `first`, before what else waits for one. */
  hold(execution: StartedExecution, order?: { first: boolean }): void;
  abort(id: string, reason: "canceled" | "interrupted"): void;
  /** Ends what waits, and after it what is under way; resolves when nothing is held any more. */
  interrupt(): Promise<void>;
  /** Resolves when nothing is held any more. */
  idle(): Promise<void>;
  held(): Held[];
  busy(): number;
  /** How many more executions may be claimed, `ahead` beyond the free slots. */
  room(ahead: number): number;
  /** Lets a pass of the planner or the dispatcher say who may be claimed, of `passOver` only those with room again. */
  admission(ahead: number, passOver: string[]): Admission;
}

/** Who may be claimed in one pass. What a pass admits is held only once it is told so, by `hold`. */
export interface Admission {
  room: number;
  /** Shares of which no more is given, so that what goes there need not be claimed. */
  full: string[];
  admit(destination: Destination): boolean;
  /** Shares of which something had to wait in this pass. */
  heldBack(): string[];
}

/** An execution with what it is known by here. */
interface InHand {
  execution: StartedExecution;
  key: string;
  share: string;
}

/** An attempt by itself: one that was taken for lost may still be under way when the next is claimed. */
function keyOf({ id, attempt_count }: StartedExecution): string {
  return `${id} ${attempt_count}`;
}

interface Sending {
  begin: (execution: StartedExecution) => Sent;
  over: (execution: StartedExecution, answer: Answer, startedAt: Date) => void;
}

export function createSlots(count: number, { begin, over }: Sending): Slots {
  const underWay = new Map<string, { execution: StartedExecution; begun: Sent }>();
  const waiting = new Map<string, InHand>();
  /** Of those that wait, the ones that go before the others. */
  const first = new Set<string>();
  const shares = createShares(count);
  let onIdle = Promise.withResolvers<void>();

  function send(inHand: InHand): void {
    const { execution, key, share } = inHand;
    shares.send(share, key);
    const begun = begin(execution);
    underWay.set(key, { execution, begun });
    void begun.answer.then((answer) => {
      underWay.delete(key);
      sendNext();
      end(inHand, answer, begun.startedAt());
    });
  }
  function leave(key: string): void {
    waiting.delete(key);
    first.delete(key);
  }
  function sendNext(): void {
    const [preferred] = first;
    const [oldest] = waiting.keys();
    const next = waiting.get(preferred ?? oldest ?? "");
    if (next === undefined) return;
    leave(next.key);
    send(next);
  }
  function end({ execution, key, share }: InHand, answer: Answer, startedAt: Date): void {
    shares.release(share, key, answer);
    over(execution, answer, startedAt);
    if (underWay.size + waiting.size > 0) return;
    onIdle.resolve();
    onIdle = Promise.withResolvers();
  }
  function abort(reason: "canceled" | "interrupted", which: (execution: StartedExecution) => boolean): void {
    // What waits first: a slot that is freed must not be taken by it.
    for (const inHand of [...waiting.values()].filter(({ execution }) => which(execution))) {
      leave(inHand.key);
      end(inHand, unsent(reason), new Date(inHand.execution.clock));
    }
    for (const { execution, begun } of underWay.values()) if (which(execution)) begun.abort(reason);
  }
  const idle = async (): Promise<void> => {
    if (underWay.size + waiting.size > 0) await onIdle.promise;
  };
  const room = (ahead: number): number => Math.max(0, count + ahead - underWay.size - waiting.size);

  return {
    count,
    hold(execution, order) {
      const inHand = { execution, key: keyOf(execution), share: shareOf(execution) };
      shares.hold(inHand.share, inHand.key);
      if (underWay.size < count) return send(inHand);
      waiting.set(inHand.key, inHand);
      if (order?.first) first.add(inHand.key);
    },
    abort: (id, reason) => abort(reason, (execution) => execution.id === id),
    async interrupt() {
      abort("interrupted", () => true);
      await idle();
    },
    idle,
    held: () =>
      [...underWay.values(), ...waiting.values()].map(({ execution: { id, attempt_count } }) => ({
        id,
        number: attempt_count,
      })),
    busy: () => underWay.size,
    room,
    admission(ahead, passOver) {
      const look = shares.look();
      const left = { free: room(0), claimable: room(ahead) };
      const full = passOver.filter((share) => look.isFull(share, left));
      const heldBack = new Set(full);
      return {
        room: left.claimable,
        full,
        admit(destination) {
          if (left.claimable === 0) return false;
          const share = shareOf(destination);
          if (look.isFull(share, left)) {
            heldBack.add(share);
            return false;
          }
          left.claimable--;
          left.free = Math.max(0, left.free - 1);
          look.admit(share);
          return true;
        },
        heldBack: () => [...heldBack],
      };
    },
  };
}
