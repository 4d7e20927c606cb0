import { SchedulerError } from "@org/scheduler-contract";
import type { Db } from "../database/tables.ts";
import { fromPublicId, noSuch, toPublicId } from "../ids.ts";
import type { Handler } from "../operations/context.ts";
import { findMembership, findUser, type Membership, updatePassword } from "./access.sql.ts";
import { createGuessLimit } from "./guess-limit.ts";
import { signJwt } from "./jwt.ts";
import { hashPassword, isOutdated, verifyPassword } from "./passwords.ts";

/**
 * A check takes some tenths of a second, and they go one by one: nobody waits behind more than these. Of strangers fewer
 * may wait, so that there is room for those who have been here before.
 */
const maxWaiting = { known: 20, stranger: 15 };

/** Trades an email and a password for a JWT. Throws `unauthenticated`, or `rate_limited` after too many guesses. */
export function createLogin(jwtSecret: Uint8Array | undefined): Handler<"login"> {
  const guesses = createGuessLimit();
  const check = oneByOne(verifyPassword);

  return async ({ db, address, now: readNow }, input) => {
    if (!jwtSecret) {
      throw new SchedulerError("unavailable", "Logging in is not set up here.", {
        hint: "Set SCHEDULER_JWT_SECRET, or use a token.",
      });
    }
    const now = await readNow();
    const email = input.email.trim().toLowerCase();
    const guess = { email, address };
    guesses.count(guess, now);
    const user = await findUser(db, { email });
    const most = guesses.isKnown(guess) ? maxWaiting.known : maxWaiting.stranger;
    if (!(await check(input.password, user?.password_hash, most)) || !user) {
      throw new SchedulerError("unauthenticated", "Email or password is wrong.", {
        hint: "Check both; SCHEDULER_ADMIN_EMAIL and SCHEDULER_ADMIN_PASSWORD set the first user.",
      });
    }
    guesses.succeed(guess, now);
    if (isOutdated(user.password_hash)) await updatePassword(db, user.id, await hashPassword(input.password));
    const { workspaceId, workspaceName } = await membershipOf(db, user.id, input.workspace_id);
    const { token, expiresAt } = await signJwt(jwtSecret, { userId: user.id, workspaceId }, now);
    return {
      token,
      expires_at: expiresAt.toISOString(),
      user: { id: toPublicId("usr", user.id), email: user.email },
      workspace: { id: toPublicId("ws", workspaceId), name: workspaceName },
    };
  };
}

/** Only who knows the password learns whether there is anything to log in to. */
async function membershipOf(db: Db, userId: string, wanted: string | undefined): Promise<Membership> {
  const id = wanted === undefined ? undefined : fromPublicId("ws", wanted);
  const isNone = wanted !== undefined && id === undefined;
  const membership = isNone ? undefined : await findMembership(db, userId, id);
  if (membership) return membership;
  if (wanted !== undefined)
    throw noSuch("workspace", wanted, { prefix: "ws", shown: "GET /v1/workspaces shows yours" });
  throw new SchedulerError("forbidden", "This user is in no workspace any more.", {
    hint: "Ask an owner of one for POST /v1/users with this email.",
  });
}

/** The same check, one at a time: each takes tens of megabytes. */
function oneByOne(
  check: typeof verifyPassword,
): (password: string, stored: string | undefined, most: number) => Promise<boolean> {
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();
  return async (password, stored, most) => {
    if (waiting >= most) {
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
