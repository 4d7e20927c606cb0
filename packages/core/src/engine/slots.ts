import type { Answer } from "./attempt.ts";
import { type Begun, unsent } from "./begin.ts";
import { createHosts } from "./hosts.ts";
import type { StartedExecution } from "./start.sql.ts";

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
  ids(): string[];
  busy(): number;
  /** How many more executions may be claimed, `ahead` beyond the free slots. */
  room(ahead: number): number;
  /** Lets a pass of the planner or the dispatcher say who may be claimed, of `passOver` only those with room again. */
  admission(ahead: number, passOver: string[]): Admission;
}

/** Who may be claimed in one pass. What a pass admits is held only once it is told so, by `hold`. */
export interface Admission {
  room: number;
  /** Hosts that take no more, so that they need not be claimed. */
  fullHosts: string[];
  admit(host: string): boolean;
  /** Hosts that had to wait in this pass. */
  heldBack(): string[];
}

interface Sending {
  begin: (execution: StartedExecution) => Begun;
  over: (execution: StartedExecution, answer: Answer, startedAt: Date) => void;
}

export function createSlots(count: number, { begin, over }: Sending): Slots {
  const underWay = new Map<string, Begun>();
  const waiting = new Map<string, StartedExecution>();
  /** Of those that wait, the ones that go before the others. */
  const first = new Set<string>();
  const hosts = createHosts(count);
  let onIdle = Promise.withResolvers<void>();

  function send(execution: StartedExecution): void {
    hosts.send(execution.host, execution.id);
    const begun = begin(execution);
    underWay.set(execution.id, begun);
    void begun.answer.then((answer) => {
      underWay.delete(execution.id);
      sendNext();
      end(execution, answer, begun.startedAt());
    });
  }
  function leave(id: string): void {
    waiting.delete(id);
    first.delete(id);
  }
  function sendNext(): void {
    const [preferred] = first;
    const [oldest] = waiting.keys();
    const next = waiting.get(preferred ?? oldest ?? "");
    if (next === undefined) return;
    leave(next.id);
    send(next);
  }
  function end(execution: StartedExecution, answer: Answer, startedAt: Date): void {
    hosts.release(execution.host, execution.id, answer);
    over(execution, answer, startedAt);
    if (underWay.size + waiting.size > 0) return;
    onIdle.resolve();
    onIdle = Promise.withResolvers();
  }
  function abort(id: string, reason: "canceled" | "interrupted"): void {
    underWay.get(id)?.abort(reason);
    const execution = waiting.get(id);
    if (execution === undefined) return;
    leave(id);
    end(execution, unsent(reason), new Date(execution.clock));
  }
  const ids = (): string[] => [...underWay.keys(), ...waiting.keys()];
  const idle = async (): Promise<void> => {
    if (underWay.size + waiting.size > 0) await onIdle.promise;
  };
  const room = (ahead: number): number => Math.max(0, count + ahead - underWay.size - waiting.size);

  return {
    count,
    hold(execution, order) {
      hosts.hold(execution.host, execution.id);
      if (underWay.size < count) return send(execution);
      waiting.set(execution.id, execution);
      if (order?.first) first.add(execution.id);
    },
    abort,
    async interrupt() {
      // What waits first: a slot that is freed must not be taken by it.
      for (const id of ids().toReversed()) abort(id, "interrupted");
      await idle();
    },
    idle,
    ids,
    busy: () => underWay.size,
    room,
    admission(ahead, passOver) {
      const admitted = new Map<string, number>();
      const left = { free: room(0), claimable: room(ahead) };
      const fullHosts = passOver.filter((host) => hosts.isFull(host, left));
      const heldBack = new Set(fullHosts);
      return {
        room: left.claimable,
        fullHosts,
        admit(host) {
          if (left.claimable === 0) return false;
          const more = admitted.get(host) ?? 0;
          if (hosts.isFull(host, left, more)) {
            heldBack.add(host);
            return false;
          }
          left.claimable--;
          left.free = Math.max(0, left.free - 1);
          admitted.set(host, more + 1);
          return true;
        },
        heldBack: () => [...heldBack],
      };
    },
  };
}
