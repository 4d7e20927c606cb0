import { randomBytes } from "node:crypto";
import { hashPassword } from "../access/passwords.ts";
import { generateToken, knownToken } from "../access/tokens.ts";
import type { Db } from "../database/tables.ts";
import { readNow } from "../database/now.ts";
import { newId } from "../ids.ts";
import {
  createWorkspace,
  findFirstOwner,
  insertFirstToken,
  knowsToken,
  lockBootstrap,
} from "./workspaces.sql.ts";

export interface BootstrapSettings {
  adminEmail: string;
  /** Generated where it is not given. */
  adminPassword?: string | undefined;
  /** The first user's token; generated where it is not given. */
  token?: string | undefined;
}

/** What was made up on this start, to be shown once. */
export interface Bootstrapped {
  token?: string;
  adminPassword?: string;
}

/**
 * Makes sure that somebody can get in: the first workspace, its user and the user's token. Safe to call from many
 * processes at once; answers only what this call generated.
 */
export function bootstrap(db: Db, settings: BootstrapSettings): Promise<Bootstrapped> {
  return db.transaction().execute(async (tx) => {
    await lockBootstrap(tx);
    const now = await readNow(tx, null);
    const generated: Bootstrapped = {};
    let admin = await findFirstOwner(tx);
    const isNew = admin === undefined;
    if (!admin) {
      const password = settings.adminPassword ?? randomBytes(18).toString("base64url");
      if (settings.adminPassword === undefined) generated.adminPassword = password;
      admin = await createWorkspace(tx, {
        workspaceId: newId(now),
        userId: newId(now),
        email: settings.adminEmail.trim().toLowerCase(),
        passwordHash: await hashPassword(password),
        at: now,
      });
    }
    if (settings.token === undefined && !isNew) return generated;
    const token = settings.token === undefined ? generateToken("user", "live") : knownToken(settings.token);
    if (await knowsToken(tx, token.hash)) return generated;
    await insertFirstToken(tx, {
      id: newId(now),
      userId: admin.userId,
      scopeId: admin.liveScopeId,
      ...token,
    });
    if (settings.token === undefined) generated.token = token.token;
    return generated;
  });
}
