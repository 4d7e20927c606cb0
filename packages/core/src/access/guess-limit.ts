import { SchedulerError } from "@org/scheduler-contract";

const maxGuesses = 10;
const windowMs = 60_000;
const maxTracked = 10_000;

/** This many guesses for one email in a minute, then it has to wait. */
export interface GuessLimit {
  /** Counts a guess before it is checked. Throws `rate_limited` where it is one too many. */
  count(email: string, now: Date): void;
  /** Somebody knew the password. */
  forget(email: string): void;
}

export function createGuessLimit(): GuessLimit {
  const guesses = new Map<string, { count: number; since: number }>();
  return {
    count(email, now) {
      const at = now.getTime();
      const seen = guesses.get(email);
      const current = seen && at - seen.since < windowMs ? seen : { count: 0, since: at };
      if (current.count >= maxGuesses) {
        throw new SchedulerError("rate_limited", "Too many wrong passwords for this email.", {
          hint: "Wait a minute, then try again.",
          retryAfterSeconds: Math.ceil((windowMs - (at - current.since)) / 1000),
        });
      }
      current.count++;
      // The latest go last, so that what is dropped for room is the oldest.
      guesses.delete(email);
      guesses.set(email, current);
      if (guesses.size > maxTracked) guesses.delete(guesses.keys().next().value!);
    },
    forget(email) {
      guesses.delete(email);
    },
  };
}
