import { type Operation, operations, SchedulerError } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import type { Db } from "../database/tables.ts";
import { usedBy } from "../jobs/bounds.sql.ts";
import type { Handlers } from "../operations/context.ts";
import { findUser, logOut, workspaceName } from "./access.sql.ts";
import { refusalOf } from "./authorize.ts";
import type { Caller } from "./caller.ts";
import { createLogin } from "./login.ts";

type Names = "login" | "logout" | "get_me";

/** Without a secret nobody can log in with a password. */
export function accessOperations(jwtSecret: Uint8Array | undefined): Handlers<Names> {
  return {
    login: createLogin(jwtSecret),

    async logout({ tx, caller, now }) {
      const user = caller.userId === null ? undefined : await findUser(tx, { id: caller.userId });
      if (!user) {
        throw new SchedulerError("conflict", "This token belongs to no user who could log out.", {
          hint: "Revoke the token itself with DELETE /v1/tokens/{token_id}.",
        });
      }
      await logOut(tx, user.id, now);
      return { logged_out: true, user: { id: toPublicId("usr", user.id), email: user.email } };
    },

    async get_me({ db, caller, now, gate }) {
      const user = caller.userId === null ? undefined : await findUser(db, { id: caller.userId });
      const all: Operation[] = Object.values(operations);
      const isOpen = await gate.opens(caller);
      return {
        kind: caller.kind,
        name: caller.name,
        mode: caller.mode,
        read_only: caller.readOnly || caller.role === "member",
        token_id: caller.tokenId && toPublicId("tok", caller.tokenId),
        agent: caller.agent,
        workspace: {
          id: toPublicId("ws", caller.workspaceId),
          name: await workspaceName(db, caller.workspaceId),
        },
        user: user ? { id: toPublicId("usr", user.id), email: user.email, role: caller.role! } : null,
        expires_at: caller.expiresAt?.toISOString() ?? null,
        scopes: caller.scopes && [...caller.scopes],
        bounds: caller.bounds,
        left: await leftOf(db, caller, now),
        operations: all
          .filter((operation) => operation.access !== "public")
          .filter((operation) => !refusalOf(caller, operation) && isOpen(operation))
          .map(({ name }) => name),
      };
    },
  };
}

/** What a key may still have of what its bounds count. */
async function leftOf(
  db: Db,
  { bounds, tokenId }: Caller,
  now: () => Promise<Date>,
): Promise<{ jobs?: number; fires_today?: number } | null> {
  const { max_jobs: jobs, max_fires_per_day: fires } = bounds ?? {};
  if (tokenId === null || (jobs === undefined && fires === undefined)) return null;
  const used = await usedBy(db, tokenId, await now());
  return {
    ...(jobs !== undefined && { jobs: Math.max(0, jobs - used.jobs) }),
    ...(fires !== undefined && { fires_today: Math.max(0, fires - used.fires) }),
  };
}
