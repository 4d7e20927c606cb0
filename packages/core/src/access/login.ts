import { SchedulerError, type Output, type ParsedInput } from "@org/scheduler-contract";
import type { Db } from "../database/tables.ts";
import { toPublicId } from "../ids.ts";
import { findUser } from "./access.sql.ts";
import { signJwt } from "./jwt.ts";
import { verifyPassword } from "./passwords.ts";

export type Login = (input: ParsedInput<"login">, now: Date) => Promise<Output<"login">>;

/** A guess costs us time and memory too: this many wrong ones for one email in a minute, then it has to wait. */
const maxGuesses = 10;
const windowMs = 60_000;
const maxTracked = 10_000;

/** Trades an email and a password for a JWT. Throws `unauthenticated`, or `rate_limited` after too many guesses. */
export function createLogin(db: Db, jwtSecret: Uint8Array | undefined): Login {
  const guesses = new Map<string, { count: number; since: number }>();
  let turn: Promise<unknown> = Promise.resolve();

  return async (input, now) => {
    if (!jwtSecret) {
      throw new SchedulerError("unavailable", "Logging in is not set up here.", {
        hint: "Set SCHEDULER_JWT_SECRET, or use a token.",
      });
    }
    const email = input.email.trim().toLowerCase();
    countGuess(guesses, email);
    const user = await findUser(db, { email });
    // One at a time: each takes tens of megabytes.
    const checked = turn.then(() => verifyPassword(input.password, user?.password_hash));
    turn = checked.catch(() => {});
    if (!(await checked) || !user) {
      throw new SchedulerError("unauthenticated", "Email or password is wrong.", {
        hint: "Check both; SCHEDULER_ADMIN_EMAIL and SCHEDULER_ADMIN_PASSWORD set the first user.",
      });
    }
    guesses.delete(email);
    const { token, expiresAt } = await signJwt(
      jwtSecret,
      { userId: user.id, workspaceId: user.workspace_id },
      now,
    );
    return {
      token,
      expires_at: expiresAt.toISOString(),
      user: { id: toPublicId("usr", user.id), email: user.email },
      workspace: { id: toPublicId("ws", user.workspace_id), name: user.workspace_name },
    };
  };
}

function countGuess(guesses: Map<string, { count: number; since: number }>, email: string): void {
  const now = performance.now();
  const seen = guesses.get(email);
  const current = seen && now - seen.since < windowMs ? seen : { count: 0, since: now };
  if (current.count >= maxGuesses) {
    throw new SchedulerError("rate_limited", "Too many wrong passwords for this email.", {
      hint: "Wait a minute, then try again.",
      retryAfterSeconds: Math.ceil((windowMs - (now - current.since)) / 1000),
    });
  }
  current.count++;
  guesses.delete(email);
  guesses.set(email, current);
  if (guesses.size > maxTracked) guesses.delete(guesses.keys().next().value!);
}
