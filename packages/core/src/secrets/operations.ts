import { type Output, SchedulerError, type Secret } from "@org/scheduler-contract";
import { changing, seeing } from "../access/made-by.ts";
import { describeCaller } from "../access/caller.ts";
import type { Tx } from "../database/tables.ts";
import { noKey } from "../encryption/no-key.ts";
import { raiseVersion } from "../database/scope-version.ts";
import { type Makers, pageOf } from "../database/page.ts";
import { fromPublicId, newId, noSuch, toPublicId } from "../ids.ts";
import type { Handlers } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import {
  countSecrets,
  deleteSecret,
  findSecret,
  findUsers,
  insertSecret,
  replaceSecret,
  type SecretRow,
} from "./secrets.sql.ts";
import { ownerOfSecret } from "./vault.ts";

/** A worker holds all of a scope's that it sends with. */
const maxSecrets = 1000;
/** A value that is shorter is found in texts that have nothing to do with it. */
const safeLength = 6;
const namedUsers = 10;

export const secretOperations: Handlers<"list_secrets" | "create_secret" | "delete_secret"> = {
  async list_secrets({ db, caller }, { limit, cursor }) {
    const rows = await pageOf(db, "secrets", {
      of: seeing(caller),
      before: readCursor("sec", cursor),
      limit,
    });
    return toPage(rows, { limit, prefix: "sec", view: toSecret });
  },

  async create_secret({ tx, caller, now, cipher }, { name, value, replace }) {
    if (!cipher) throw noKey("A secret");
    const { scopeId } = caller;
    const { text, notes } = read(value);
    await raiseVersion(tx, scopeId, "secrets_version");
    const sealed = cipher.seal(text, ownerOfSecret(scopeId, name));
    const known = await findSecret(tx, { scopeId }, { name });
    const isOwn = known && (await findSecret(tx, changing(caller), { name }));
    if (known && (!replace || !isOwn)) throw exists(known, isOwn !== undefined);
    if (known) {
      await replaceSecret(tx, known.id, sealed, now);
      return answerOf({ ...known, updated_at: now }, notes);
    }
    if ((await countSecrets(tx, scopeId)) >= maxSecrets) throw tooMany();
    const created_by = describeCaller(caller);
    const row = {
      scope_id: scopeId,
      id: newId(now),
      name,
      sealed,
      created_by,
      created_at: now,
      updated_at: now,
    };
    await insertSecret(tx, row);
    return answerOf(row, notes);
  },

  async delete_secret({ tx, caller }, { secret_id, force }) {
    const { scopeId } = caller;
    await raiseVersion(tx, scopeId, "secrets_version");
    const secret = await requireSecret(tx, changing(caller), secret_id);
    const { name } = secret;
    const users = force ? [] : await findUsers(tx, scopeId, { name, limit: namedUsers + 1 });
    if (users.length > 0) throw inUse(name, users);
    await deleteSecret(tx, secret.id);
    return { deleted: true, id: toPublicId("sec", secret.id), name };
  },
};

/** By its id or its name. */
async function requireSecret(tx: Tx, of: Makers, given: string): Promise<SecretRow> {
  const id = fromPublicId("sec", given);
  const secret = await findSecret(tx, of, id === undefined ? { name: given } : { id });
  if (secret) return secret;
  throw noSuch("secret", given, { prefix: "sec", shown: "list_secrets shows yours" });
}

/** A file that is pasted whole ends with a line break, which no credential does. */
function read(value: string): { text: string; notes: string[] } {
  const text = value.replace(/[\r\n]+$/, "");
  if (text === "") {
    throw new SchedulerError("invalid_input", '"value" has nothing but line breaks.', {
      field: "value",
      hint: "Give the secret itself.",
    });
  }
  const stripped = text === value ? [] : ["The line break at the end was left out."];
  const short =
    text.length >= safeLength
      ? []
      : [`The value is short: wherever an answer happens to have it, [secret:…] is shown instead.`];
  return { text, notes: [...stripped, ...short] };
}

function answerOf(row: SecretRow, notes: string[]): Output<"create_secret"> {
  return { ...toSecret(row), ...(notes.length > 0 && { notes }) };
}

function toSecret(row: SecretRow): Secret {
  return {
    id: toPublicId("sec", row.id),
    name: row.name,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

function exists({ name }: SecretRow, mayReplace: boolean): SchedulerError {
  return new SchedulerError("conflict", `There is a secret "${name}" already.`, {
    field: "name",
    hint: !mayReplace
      ? "Give yours another name: this key replaces only what it made itself."
      : `To give it a new value, send {"name": "${name}", "value": …, "replace": true}; jobs use that from their next request on.`,
  });
}

function tooMany(): SchedulerError {
  return new SchedulerError("conflict", `There are ${maxSecrets} secrets already.`, {
    hint: "Delete those that no job uses any more: list_secrets, delete_secret.",
  });
}

function inUse(name: string, users: { id: string; name: string }[]): SchedulerError {
  const listed = users
    .slice(0, namedUsers)
    .map((job) => `${toPublicId("job", job.id)} (${JSON.stringify(job.name.slice(0, 60))})`)
    .join(", ");
  const more = users.length > namedUsers ? " and more" : "";
  return new SchedulerError("conflict", `Jobs use the secret "${name}": ${listed}${more}.`, {
    field: "secret_id",
    hint: "Change these jobs first, or send force: true; their requests fail then with secret_missing until there is such a secret again.",
  });
}
