import type { Clock } from "../clock.ts";

/** A clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  now(): Date;
  set(to: string | number | Date): void;
  advance(ms: number): void;
}

export function testClock(start: string | number | Date): TestClock {
  let now = new Date(start);
  return {
    now: () => now,
    set(to) {
      now = new Date(to);
    },
    advance(ms) {
      now = new Date(now.getTime() + ms);
    },
  };
}
