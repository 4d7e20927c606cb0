import { SchedulerError, type Output, type ParsedInput } from "@org/scheduler-contract";
import type { Db } from "../database/tables.ts";
import { toPublicId } from "../ids.ts";
import { findUser } from "./access.sql.ts";
import { createGuessLimit } from "./guess-limit.ts";
import { signJwt } from "./jwt.ts";
import { verifyPassword } from "./passwords.ts";

export type Login = (input: ParsedInput<"login">, now: Date) => Promise<Output<"login">>;

/** A check takes some tenths of a second, and they go one by one: nobody waits behind more than these. */
const maxWaiting = 20;

/** Trades an email and a password for a JWT. Throws `unauthenticated`, or `rate_limited` after too many guesses. */
export function createLogin(db: Db, jwtSecret: Uint8Array | undefined): Login {
  const guesses = createGuessLimit();
  const check = oneByOne(verifyPassword);

  return async (input, now) => {
    if (!jwtSecret) {
      throw new SchedulerError("unavailable", "Logging in is not set up here.", {
        hint: "Set SCHEDULER_JWT_SECRET, or use a token.",
      });
    }
    const email = input.email.trim().toLowerCase();
    guesses.count(email, now);
    const user = await findUser(db, { email });
    if (!(await check(input.password, user?.password_hash)) || !user) {
      throw new SchedulerError("unauthenticated", "Email or password is wrong.", {
        hint: "Check both; SCHEDULER_ADMIN_EMAIL and SCHEDULER_ADMIN_PASSWORD set the first user.",
      });
    }
    guesses.forget(email);
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

/** The same check, one at a time: each takes tens of megabytes. */
function oneByOne(check: typeof verifyPassword): typeof verifyPassword {
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();
  return async (password, stored) => {
    if (waiting >= maxWaiting) {
      throw new SchedulerError("rate_limited", "Too many log-ins at once.", {
        hint: "Try again in a few seconds.",
        retryAfterSeconds: 5,
      });
    }
    waiting++;
    const checked = turn.then(() => check(password, stored)).finally(() => waiting--);
    turn = checked.catch(() => {});
    return checked;
  };
}
