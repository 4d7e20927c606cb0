import type { IncomingMessage, ServerResponse } from "node:http";
import { networkOf, SchedulerError } from "@org/scheduler-contract";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { bearerToken } from "./request.ts";

/** How many requests a minute this process takes. */
export interface RateLimits {
  /** With one token. */
  perToken: number;
  /** With one token of an agent. */
  perAgent: number;
  /** Without a token that is known, from one address: or from one network, where that is of IPv6. */
  perAddress: number;
}

export const usualLimits: RateLimits = { perToken: 600_000, perAgent: 60_000, perAddress: 6000 };

/** Holds back who asks too often. */
export interface Limiter {
  /**
   * Resolves the token of a request by `authenticate`, unless its address has guessed too often: who is known already is
   * not held up by that. Throws `rate_limited`, and what `authenticate` throws.
   */
  admit<Caller>(
    request: IncomingMessage,
    response: ServerResponse,
    authenticate: (token: string | undefined) => Promise<Caller>,
  ): Promise<Caller>;
  /** A request that needs no token. Throws `rate_limited`. */
  admitAnybody(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

const windowSeconds = 60;
/** Tokens that were good lately; the oldest goes first. */
const mostKnown = 10_000;

export function createLimiter(limits: RateLimits = usualLimits): Limiter {
  const counter = (points: number): RateLimiterMemory =>
    new RateLimiterMemory({ points, duration: windowSeconds });
  const byToken = counter(limits.perToken);
  const byAgent = counter(limits.perAgent);
  const byAddress = counter(limits.perAddress);
  const known = new Set<string>();

  async function consume(limiter: RateLimiterMemory, key: string): Promise<RateLimiterRes> {
    try {
      return await limiter.consume(key);
    } catch (reason) {
      if (reason instanceof RateLimiterRes) throw new TooMany(limiter.points, reason);
      throw reason;
    }
  }

  async function ofAddress(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = networkOf(request.socket.remoteAddress ?? "");
    await counted(response, "address", () => consume(byAddress, key));
  }

  return {
    admitAnybody: ofAddress,

    async admit(request, response, authenticate) {
      const token = bearerToken(request);
      if (token === undefined || !known.has(token)) {
        // Looked at before the token is: what is no token costs a look into the database each time.
        const guesses = await byAddress.get(networkOf(request.socket.remoteAddress ?? ""));
        if (guesses !== null && guesses.remainingPoints <= 0) await ofAddress(request, response);
      }
      let caller;
      try {
        caller = await authenticate(token);
      } catch (error) {
        if (token !== undefined) known.delete(token);
        const isGuess = error instanceof SchedulerError && error.code === "unauthenticated";
        if (isGuess) await ofAddress(request, response);
        throw error;
      }
      remember(known, token!);
      const isAgent = token!.startsWith("cron_agt_");
      await counted(response, "token", () => consume(isAgent ? byAgent : byToken, token!));
      return caller;
    },
  };
}

function remember(known: Set<string>, token: string): void {
  if (known.has(token)) return;
  known.add(token);
  if (known.size > mostKnown) known.delete(known.values().next().value!);
}

/** More requests than are taken. */
class TooMany extends Error {
  readonly most: number;
  readonly left: RateLimiterRes;

  constructor(most: number, left: RateLimiterRes) {
    super("too many requests");
    this.name = "TooMany";
    this.most = most;
    this.left = left;
  }
}

/** Counts a request, and tells how many more there may be (draft-ietf-httpapi-ratelimit-headers). */
async function counted(
  response: ServerResponse,
  name: string,
  consume: () => Promise<RateLimiterRes>,
): Promise<void> {
  try {
    const { remainingPoints, msBeforeNext, consumedPoints } = await consume();
    tell(response, name, { most: remainingPoints + consumedPoints, left: remainingPoints, ms: msBeforeNext });
  } catch (error) {
    if (!(error instanceof TooMany)) throw error;
    const { most, left } = error;
    tell(response, name, { most, left: 0, ms: left.msBeforeNext });
    const seconds = Math.max(1, Math.ceil(left.msBeforeNext / 1000));
    throw new SchedulerError(
      "rate_limited",
      `More than ${most} requests in a minute ${name === "token" ? "with this token" : "without a token that is known, from this address"}.`,
      {
        hint: `Wait ${seconds} s, then go on more slowly; SCHEDULER_RATE_LIMIT and SCHEDULER_RATE_LIMIT_ADDRESS are the server's settings.`,
        retryAfterSeconds: seconds,
      },
    );
  }
}

function tell(
  response: ServerResponse,
  name: string,
  { most, left, ms }: { most: number; left: number; ms: number },
): void {
  if (response.headersSent) return;
  response.setHeader("RateLimit-Policy", `"${name}";q=${most};w=${windowSeconds}`);
  response.setHeader("RateLimit", `"${name}";r=${Math.max(0, left)};t=${Math.ceil(ms / 1000)}`);
}
