import { type Operation, operations, SchedulerError } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import type { Handlers } from "../operations/context.ts";
import { findUser, logOut, workspaceName } from "./access.sql.ts";
import { refusalOf } from "./authorize.ts";
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

    async get_me({ db, caller }) {
      const user = caller.userId === null ? undefined : await findUser(db, { id: caller.userId });
      const all: Operation[] = Object.values(operations);
      return {
        kind: caller.kind,
        name: caller.name,
        mode: caller.mode,
        read_only: caller.readOnly || caller.role === "member",
        agent: caller.agent,
        workspace: {
          id: toPublicId("ws", caller.workspaceId),
          name: await workspaceName(db, caller.workspaceId),
        },
        user: user ? { id: toPublicId("usr", user.id), email: user.email, role: caller.role! } : null,
        expires_at: caller.expiresAt?.toISOString() ?? null,
        scopes: caller.scopes && [...caller.scopes],
        bounds: caller.bounds,
        left: null,
        operations: all.filter((operation) => !refusalOf(caller, operation)).map(({ name }) => name),
      };
    },
  };
}
