import { networkOf, SchedulerError } from "@org/scheduler-contract";

/** Whose password is guessed, and from where; several of a process' callers may have no address. */
interface Guess {
  email: string;
  address: string | undefined;
}

/** Keeps passwords from being guessed, and those who know theirs from being locked out by whoever guesses. */
export interface GuessLimit {
  /** Counts a guess before it is checked. Throws `rate_limited` where it is one too many. */
  count(guess: Guess, now: Date): void;
  /** Somebody knew the password: the address is known for this account from now on. */
  succeed(guess: Guess, now: Date): void;
  /** Whether somebody has logged in to this account from this address before. */
  isKnown(guess: Guess): boolean;
}

const windowMs = 60_000;
/**
 * In a minute: for an account from an address that is known for it, which whoever guesses may share with its owner; for an
 * account from all other addresses together; from an address.
 */
const most = { known: 120, account: 10, address: 30 };
const maxTracked = 10_000;
const maxKnown = 20;

export function createGuessLimit(): GuessLimit {
  const byAccount = createCounter();
  const byKnown = createCounter();
  const byAddress = createCounter();
  /** Of each account the addresses that its owner came from, the latest last. Nobody else can add to this. */
  const known = new Map<string, Set<string>>();

  const isKnown = ({ email, address }: Guess): boolean =>
    address !== undefined && known.get(email)?.has(networkOf(address)) === true;

  return {
    isKnown,
    count(guess, now) {
      const { email, address } = guess;
      const at = now.getTime();
      const from = address === undefined ? undefined : networkOf(address);
      if (isKnown(guess)) return byKnown.count(`${email} ${from}`, most.known, at);
      if (from !== undefined) byAddress.count(from, most.address, at);
      byAccount.count(email, most.account, at);
    },
    succeed({ email, address }) {
      byAccount.forget(email);
      if (address === undefined) return;
      const from = networkOf(address);
      byKnown.forget(`${email} ${from}`);
      // Many may log in from one office.
      byAddress.giveBack(from);
      const addresses = known.get(email) ?? new Set();
      addresses.delete(from);
      addresses.add(from);
      if (addresses.size > maxKnown) addresses.delete(addresses.values().next().value!);
      known.delete(email);
      known.set(email, addresses);
      if (known.size > maxTracked) known.delete(known.keys().next().value!);
    },
  };
}

interface Counter {
  count(key: string, limit: number, at: number): void;
  forget(key: string): void;
  /** Counts one less. */
  giveBack(key: string): void;
}

function createCounter(): Counter {
  const counts = new Map<string, { count: number; since: number }>();

  /** What has passed makes room. Where nothing has, nobody new is let in: what is dropped would count from nothing. */
  function makeRoom(at: number): void {
    if (counts.size < maxTracked) return;
    for (const [key, { since }] of counts) {
      if (at - since < windowMs) break;
      counts.delete(key);
    }
    if (counts.size >= maxTracked) throw tooMany(windowMs);
  }

  return {
    count(key, limit, at) {
      const seen = counts.get(key);
      if (seen && at - seen.since < windowMs) {
        if (seen.count >= limit) throw tooMany(windowMs - (at - seen.since));
        seen.count++;
        return;
      }
      counts.delete(key);
      makeRoom(at);
      // In the order in which they began, so that those that have passed come first.
      counts.set(key, { count: 1, since: at });
    },
    forget: (key) => void counts.delete(key),
    giveBack(key) {
      const seen = counts.get(key);
      if (seen && seen.count > 0) seen.count--;
    },
  };
}

function tooMany(waitMs: number): SchedulerError {
  return new SchedulerError(
    "rate_limited",
    "Too many wrong passwords for this email, or from this address.",
    {
      hint: "Wait a minute, then try again; an address that has logged in before is not held up by others.",
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    },
  );
}
