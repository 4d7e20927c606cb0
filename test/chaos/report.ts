import type { Arrival, Target } from "@org/scheduler-core/testing";
import { keyOf, type Owed, type Reckoning } from "../oracle.ts";
import { seed } from "../seeded-random.ts";

type Figures = Record<string, number | string>;

/** Prints what a scenario came to, in one line. */
export function report(name: string, figures: Figures): void {
  const shown = Object.entries(figures).map(([what, figure]) => `${what} ${figure}`);
  console.log(`${name} (seed ${seed}): ${shown.join(", ")}`);
}

/** Tells every minute that a scenario is still at it. */
export function showProgress(name: string, target: Target): Disposable {
  const tell = (): void => report(`${name}, so far`, { requests: target.arrivals.length });
  const timer = setInterval(tell, 60_000).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** What there is to say about any load. */
export function figuresOf(
  owed: Owed[],
  { executions, again, interrupted }: Reckoning,
  target: Target,
): Figures {
  return {
    jobs: owed.length,
    slots: executions.length,
    requests: target.arrivals.length,
    twice: again.length,
    interrupted,
    "late p50/p99/max ms": latenessOf(target.arrivals),
  };
}

/** How long after its instant the first request of each slot arrived: the median, the 99th percentile, the worst. */
function latenessOf(arrivals: Arrival[]): string {
  const first = new Map(arrivals.toReversed().map((arrival) => [keyOf(arrival), arrival]));
  const late = [...first.values()].map(lateMs).sort((one, other) => one - other);
  const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0;
  return [at(0.5), at(0.99), at(1)].join("/");
}

export function lateMs({ at, headers }: Arrival): number {
  return at - Date.parse(String(headers["x-cron-service-scheduled-for"]));
}
