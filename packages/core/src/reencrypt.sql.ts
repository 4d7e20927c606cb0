import { type RawBuilder, sql } from "kysely";
import { ownerOfChannel } from "./channels/config.ts";
import type { Db } from "./database/tables.ts";
import { type Cipher, DecryptionError } from "./encryption/cipher.ts";
import { ownerOfHeaders, sealClear } from "./secrets/sealed-headers.ts";
import { ownerOfSecret } from "./secrets/vault.ts";
import { ownerOf as ownerOfSigningSecret } from "./signing/secret.ts";

/** What a change of the encryption key came to. */
export interface Reencrypted {
  /** How many values were read, and are encrypted with the current key now. */
  changed: number;
  /** Those that no known key reads, such as `secrets 019a…`. */
  unreadable: string[];
}

interface Row {
  id: string;
  scope_id: number;
  sealed: Buffer;
  /** The other part of whose it is: a name, or the id of a job. */
  of: string;
}

interface Sealed {
  table: string;
  column: string;
  of: string;
  ownerOf: (row: Row) => string;
}

const everything: Sealed[] = [
  {
    table: "signing_secrets",
    column: "sealed",
    of: "id",
    ownerOf: (row) => ownerOfSigningSecret(row.scope_id, row.id),
  },
  { table: "secrets", column: "sealed", of: "name", ownerOf: (row) => ownerOfSecret(row.scope_id, row.of) },
  { table: "channels", column: "sealed", of: "id", ownerOf: (row) => ownerOfChannel(row.scope_id, row.id) },
  {
    table: "revisions",
    column: "sealed_headers",
    of: "job_id",
    ownerOf: (row) => ownerOfHeaders(row.scope_id, row.of),
  },
];

const batch = 200;
const nil = "00000000-0000-0000-0000-000000000000";

/**
 * Encrypts everything with the current key that another one has encrypted, and headers that a version before sealed
 * headers has stored in clear. A batch is a transaction: what is cut short goes on where it was, and processes that know
 * both keys may run meanwhile.
 */
export async function reencrypt(
  db: Db,
  cipher: Cipher,
  onProgress: (changed: number) => void = () => {},
): Promise<Reencrypted> {
  const done: Reencrypted = { changed: 0, unreadable: [] };
  for (const sealed of everything) {
    for (let after: string | undefined = nil; after !== undefined;) {
      after = await step(db, cipher, { sealed, after, done });
      onProgress(done.changed);
    }
  }
  for (let after: string | undefined = nil; after !== undefined;) {
    after = await sealOldHeaders(db, cipher, { after, done });
    onProgress(done.changed);
  }
  return done;
}

function step(
  db: Db,
  cipher: Cipher,
  { sealed, after, done }: { sealed: Sealed; after: string; done: Reencrypted },
): Promise<string | undefined> {
  const { table, column, of, ownerOf } = sealed;
  const [from, field, other]: RawBuilder<unknown>[] = [sql.table(table), sql.ref(column), sql.ref(of)];
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<Row>`
      select id, scope_id, ${field!} as sealed, ${other!} as of from ${from!}
      where id > ${after}::uuid and ${field!} is not null and substr(${field!}, 1, 4) <> ${cipher.keyId}
      order by id limit ${batch} for update`.execute(tx);
    for (const row of rows) {
      const owner = ownerOf(row);
      const text = opened(cipher, row, owner);
      if (text === undefined) {
        done.unreadable.push(`${table} ${row.id}`);
        continue;
      }
      await sql`update ${from!} set ${field!} = ${cipher.seal(text, owner)} where id = ${row.id}::uuid`.execute(
        tx,
      );
      done.changed += 1;
    }
    return rows.length === batch ? rows.at(-1)!.id : undefined;
  });
}

function opened(cipher: Cipher, { sealed }: Row, owner: string): string | undefined {
  try {
    return cipher.open(sealed, owner);
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

function sealOldHeaders(
  db: Db,
  cipher: Cipher,
  { after, done }: { after: string; done: Reencrypted },
): Promise<string | undefined> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{
      id: string;
      scope_id: number;
      job_id: string;
      headers: Record<string, string>;
    }>`
      select id, scope_id, job_id, headers from revisions
      where id > ${after}::uuid and sealed_headers is null and headers <> '{}'::jsonb
      order by id limit ${batch} for update`.execute(tx);
    for (const { id, scope_id, job_id, headers } of rows) {
      const stored = sealClear(headers, { owner: { scope_id, id: job_id }, cipher });
      if (stored.sealed_headers === null) continue;
      await sql`
        update revisions set headers = ${JSON.stringify(stored.headers)}::jsonb, sealed_headers = ${stored.sealed_headers}
        where id = ${id}::uuid`.execute(tx);
      done.changed += 1;
    }
    return rows.length === batch ? rows.at(-1)!.id : undefined;
  });
}
