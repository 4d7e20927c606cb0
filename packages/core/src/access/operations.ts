import { SchedulerError, type Mode, type Token } from "@org/scheduler-contract";
import { fromPublicId, newId, toPublicId, noSuch } from "../ids.ts";
import type { Handlers } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import {
  findUser,
  insertToken,
  listTokens,
  logOut,
  revokeToken,
  scopeOf,
  type TokenRow,
  workspaceName,
} from "./access.sql.ts";
import { type Caller, describeCaller } from "./caller.ts";
import { createLogin } from "./login.ts";
import { generateToken } from "./tokens.ts";

type Names = "login" | "logout" | "get_me" | "list_tokens" | "create_token" | "delete_token";

/** Without a secret nobody can log in with a password. */
export function accessOperations(jwtSecret: Uint8Array | undefined): Handlers<Names> {
  return { login: createLogin(jwtSecret), ...tokenOperations };
}

const tokenOperations: Handlers<Exclude<Names, "login">> = {
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
    return {
      kind: caller.kind,
      name: caller.name,
      mode: caller.mode,
      read_only: caller.readOnly,
      agent: caller.agent,
      workspace: {
        id: toPublicId("ws", caller.workspaceId),
        name: await workspaceName(db, caller.workspaceId),
      },
      user: user ? { id: toPublicId("usr", user.id), email: user.email } : null,
    };
  },

  async list_tokens({ db, caller }, { limit, cursor }) {
    const rows = await listTokens(
      db,
      { workspaceId: caller.workspaceId, modes: reachableModes(caller) },
      { before: readCursor("tok", cursor), limit },
    );
    return toPage(rows, { limit, prefix: "tok", view: toToken });
  },

  async create_token({ tx, caller, now }, input) {
    if ((input.kind === "agent") !== (input.agent !== undefined)) {
      throw new SchedulerError(
        "invalid_input",
        "A token of kind agent names its agent, and no other kind does.",
        {
          field: "agent",
          hint: 'Send {"kind": "agent", "agent": "researcher"}, or leave agent out.',
        },
      );
    }
    if (!reachableModes(caller).includes(input.mode)) {
      throw new SchedulerError("forbidden", `A ${caller.mode} token cannot create a ${input.mode} token.`, {
        field: "mode",
        hint: `Use mode "${caller.mode}", or a token of the ${input.mode} half.`,
      });
    }
    if (input.expires_at !== undefined && new Date(input.expires_at) <= now) {
      throw new SchedulerError("invalid_input", `expires_at ${input.expires_at} has passed.`, {
        field: "expires_at",
        hint: "Give a later instant, or leave it out for a token that does not expire.",
      });
    }
    const { token, hash, prefix } = generateToken(input.kind, input.mode);
    const row = {
      id: newId(now),
      scope_id: await scopeOf(tx, caller.workspaceId, input.mode),
      user_id: input.kind === "user" ? caller.userId : null,
      kind: input.kind,
      name: input.name,
      agent: input.agent ?? null,
      read_only: input.read_only,
      prefix,
      hash,
      expires_at: input.expires_at === undefined ? null : new Date(input.expires_at),
      revoked_at: null,
      last_used_at: null,
      created_by: describeCaller(caller),
      created_at: now,
    };
    await insertToken(tx, row);
    return { ...toToken({ ...row, mode: input.mode, workspace_id: caller.workspaceId }), token };
  },

  async delete_token({ tx, caller, now }, input) {
    const id = fromPublicId("tok", input.token_id);
    const owner = { workspaceId: caller.workspaceId, modes: reachableModes(caller) };
    if (id !== undefined && (await revokeToken(tx, { ...owner, id }, now))) {
      return { deleted: true, id: toPublicId("tok", id) };
    }
    throw noSuch("token", input.token_id, { prefix: "tok", shown: "GET /v1/tokens shows yours" });
  },
};

/** The halves whose tokens a caller may manage: from test there is no way into live. */
function reachableModes(caller: Caller): Mode[] {
  return caller.mode === "live" ? ["live", "test"] : ["test"];
}

function toToken(row: TokenRow): Token {
  return {
    id: toPublicId("tok", row.id),
    name: row.name,
    kind: row.kind,
    mode: row.mode,
    agent: row.agent,
    read_only: row.read_only,
    prefix: row.prefix,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
