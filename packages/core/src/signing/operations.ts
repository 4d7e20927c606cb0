import { SchedulerError, type Output } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import { noKey } from "../encryption/no-key.ts";
import { raiseVersion } from "../database/scope-version.ts";
import { pageOf } from "../database/page.ts";
import { fromPublicId, newId, toPublicId, noSuch } from "../ids.ts";
import type { Handlers } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { generateSecret, ownerOf } from "./secret.ts";
import { deleteSigningSecret, insertSigningSecret, type SigningSecretRow } from "./signing.sql.ts";

/** One in use and one to change over to. */
const maxSecrets = 2;

type Names = "list_signing_secrets" | "create_signing_secret" | "delete_signing_secret";

export const signingOperations: Handlers<Names> = {
  async list_signing_secrets({ db, caller }, { limit, cursor }) {
    const rows = await pageOf(db, "signing_secrets", {
      of: { scopeId: caller.scopeId },
      before: readCursor("sgn", cursor),
      limit,
    });
    return toPage(rows, { limit, prefix: "sgn", view: toSigningSecret });
  },

  async create_signing_secret({ tx, caller, now, cipher }) {
    if (!cipher) throw noKey("A signing secret");
    const { scopeId } = caller;
    await raiseVersion(tx, scopeId, "signing_version");
    const existing = await pageOf(tx, "signing_secrets", { of: { scopeId }, limit: maxSecrets });
    if (existing.length >= maxSecrets) throw tooMany(existing.at(-1)!);
    const secret = generateSecret();
    const id = newId(now);
    const row = {
      scope_id: scopeId,
      id,
      sealed: cipher.seal(secret, ownerOf(scopeId, id)),
      created_by: describeCaller(caller),
      created_at: now,
    };
    await insertSigningSecret(tx, row);
    return { ...toSigningSecret(row), secret };
  },

  async delete_signing_secret({ tx, caller }, { signing_secret_id }) {
    const id = fromPublicId("sgn", signing_secret_id);
    await raiseVersion(tx, caller.scopeId, "signing_version");
    if (id !== undefined && (await deleteSigningSecret(tx, caller.scopeId, id))) {
      return { deleted: true, id: toPublicId("sgn", id) };
    }
    throw noSuch("signing secret", signing_secret_id, {
      prefix: "sgn",
      shown: "GET /v1/signing-secrets shows yours",
    });
  },
};

function toSigningSecret(row: SigningSecretRow): Output<"list_signing_secrets">["data"][number] {
  return {
    id: toPublicId("sgn", row.id),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
  };
}

function tooMany(oldest: SigningSecretRow): SchedulerError {
  return new SchedulerError("conflict", `There are ${maxSecrets} signing secrets already.`, {
    hint: `Delete the one that no receiver needs any more, such as the older: DELETE /v1/signing-secrets/${toPublicId("sgn", oldest.id)}.`,
  });
}
