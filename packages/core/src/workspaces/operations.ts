import { randomBytes } from "node:crypto";
import { type ParsedInput, SchedulerError, type User, type Workspace } from "@org/scheduler-contract";
import { findUser } from "../access/access.sql.ts";
import { hashPassword } from "../access/passwords.ts";
import { fromPublicId, newId, noSuch, toPublicId } from "../ids.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { isOwnWorkspace, noSuchWorkspace } from "./own.ts";
import {
  deleteMember,
  findMember,
  findWorkspace,
  giveAgents,
  hasOtherOwner,
  insertMember,
  insertUser,
  insertWorkspace,
  listMembers,
  listWorkspacesOf,
  lockMembers,
  updateRole,
  type UserRow,
  type WorkspaceRow,
} from "./workspaces.sql.ts";

type Names =
  "list_workspaces" | "create_workspace" | "list_users" | "create_user" | "update_user" | "delete_user";

export const workspaceOperations: Handlers<Names> = {
  async list_workspaces({ db, caller }, { limit, cursor }) {
    const page = { before: readCursor("ws", cursor), limit };
    const own = async () => [{ ...(await findWorkspace(db, caller.workspaceId))!, role: null }];
    const rows = caller.userId === null ? await own() : await listWorkspacesOf(db, caller.userId, page);
    return toPage(rows, { limit, prefix: "ws", view: toWorkspace });
  },

  async create_workspace({ tx, caller, now }, { name }) {
    const id = newId(now);
    await insertWorkspace(tx, { id, name, madeIn: caller.workspaceId, at: now });
    const role = caller.userId === null ? null : "owner";
    if (caller.userId !== null)
      await insertMember(tx, { workspaceId: id, userId: caller.userId, role: "owner", at: now });
    return toWorkspace({ id, name, role, created_at: now });
  },

  async list_users({ db, caller }, { limit, cursor }) {
    const rows = await listMembers(db, caller.workspaceId, { before: readCursor("usr", cursor), limit });
    return toPage(rows, { limit, prefix: "usr", view: toUser });
  },

  async create_user(context, input) {
    const { tx, now } = context;
    const { role } = input;
    const email = input.email.toLowerCase();
    const workspaceId = await workspaceFor(context, input);
    await lockMembers(tx, workspaceId);
    const known = await findUser(tx, { email });
    if (known && (await findMember(tx, workspaceId, known.id))) throw alreadyThere(email, known.id);
    if (known && input.password !== undefined) throw hasPassword(email);
    const password = input.password ?? randomBytes(18).toString("base64url");
    const id = known?.id ?? newId(now);
    if (!known) await insertUser(tx, { id, email, passwordHash: await hashPassword(password), at: now });
    await insertMember(tx, { workspaceId, userId: id, role, at: now });
    return {
      ...toUser({ id, email, role, created_at: now }),
      created: !known,
      ...(!known && input.password === undefined && { password }),
    };
  },

  async update_user(context, { user_id, role }) {
    const user = await lockMember(context, user_id);
    if (role !== "owner") await assertOwnerStays(context, user);
    await updateRole(context.tx, context.caller.workspaceId, user.id, role);
    return toUser({ ...user, role });
  },

  async delete_user(context, { user_id }) {
    const { tx, caller } = context;
    const user = await lockMember(context, user_id);
    await assertOwnerStays(context, user);
    await deleteMember(tx, caller.workspaceId, user.id);
    const agents = await giveAgents(tx, caller.workspaceId, { from: user.id, to: caller.userId });
    return { deleted: true, id: toPublicId("usr", user.id), email: user.email, agents };
  },
};

/** The workspace that a user is put into: the caller's own, one that the caller owns, or one that was made from here. */
async function workspaceFor(
  { tx, caller }: WriteContext,
  { workspace_id: given }: ParsedInput<"create_user">,
): Promise<string> {
  const id = given === undefined ? caller.workspaceId : fromPublicId("ws", given);
  if (id !== undefined && (await isOwnWorkspace(tx, caller, id))) return id;
  const workspace = id === undefined ? undefined : await findWorkspace(tx, id);
  if (workspace?.made_in === caller.workspaceId && caller.kind === "system") return workspace.id;
  throw noSuchWorkspace(given!);
}

async function lockMember({ tx, caller }: WriteContext, given: string): Promise<UserRow> {
  await lockMembers(tx, caller.workspaceId);
  const id = fromPublicId("usr", given);
  const user = id === undefined ? undefined : await findMember(tx, caller.workspaceId, id);
  if (user) return user;
  throw noSuch("user", given, { prefix: "usr", shown: "GET /v1/users shows them" });
}

async function assertOwnerStays({ tx, caller }: WriteContext, user: UserRow): Promise<void> {
  if (user.role !== "owner" || (await hasOtherOwner(tx, caller.workspaceId, user.id))) return;
  throw new SchedulerError("conflict", `${user.email} is the only owner of this workspace.`, {
    hint: 'Make somebody else one first: PATCH /v1/users/{user_id} {"role": "owner"}.',
  });
}

function alreadyThere(email: string, id: string): SchedulerError {
  return new SchedulerError("conflict", `${email} is in this workspace already.`, {
    field: "email",
    hint: `Change the role with PATCH /v1/users/${toPublicId("usr", id)}.`,
  });
}

/** Whoever adds somebody must not set the password of an account that others let in too. */
function hasPassword(email: string): SchedulerError {
  return new SchedulerError("conflict", `${email} has an account, and its own password.`, {
    field: "password",
    hint: "Leave password out to add this user as it is.",
  });
}

function toUser(row: UserRow): User {
  return {
    id: toPublicId("usr", row.id),
    email: row.email,
    role: row.role,
    created_at: row.created_at.toISOString(),
  };
}

function toWorkspace(row: WorkspaceRow): Workspace {
  return {
    id: toPublicId("ws", row.id),
    name: row.name,
    role: row.role,
    created_at: row.created_at.toISOString(),
  };
}
