import { readFile, writeFile } from "node:fs/promises";
import { sql } from "kysely";
import { silentLog } from "../log.ts";
import { openEmbedded } from "./connect.ts";
import { migrate } from "./migrate.ts";
import type { Db } from "./tables.ts";

/**
 * Writes the schema that the migrations make to `schema.sql`, for people to read; with `--check`, fails where that
 * file says something else.
 */
const file = new URL("../../schema.sql", import.meta.url);

const database = await openEmbedded({ dataDir: undefined }, silentLog);
await migrate(database);
const dumped = await dumpSchema(database.db);
await database.close();

if (!process.argv.includes("--check")) {
  await writeFile(file, dumped);
} else if ((await readFile(file, "utf8").catch(() => "")) !== dumped) {
  process.stderr.write("schema.sql is not what the migrations make; run: pnpm schema:dump\n");
  process.exitCode = 1;
}

async function dumpSchema(db: Db): Promise<string> {
  const { rows } = await sql<{
    name: string;
    columns: string;
    constraints: string | null;
    options: string | null;
  }>`
    select c.relname as name,
      (select string_agg(format(E'  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attnotnull then ' not null' else '' end,
          coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid),
            case when a.attidentity <> '' then ' generated always as identity' else '' end)), E',\n' order by a.attnum)
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
      (select string_agg(format('  constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), E',\n' order by k.conname)
        from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n') as constraints,
      array_to_string(c.reloptions, ', ') as options
    from pg_class c
    where c.relnamespace = 'scheduler'::regnamespace and c.relkind in ('r', 'p') and c.relname not like 'kysely%'
    order by c.relname`.execute(db);
  const indexes = await sql<{ definition: string }>`
    select indexdef || ';' as definition from pg_indexes
    where schemaname = 'scheduler' and tablename not like 'kysely%'
      and indexname not in (select conname from pg_constraint)
    order by indexname`.execute(db);
  const tables = rows.map(({ name, columns, constraints, options }) => {
    const body = [columns, constraints].filter(Boolean).join(",\n");
    return `create table scheduler.${name} (\n${body}\n)${options ? ` with (${options})` : ""};`;
  });
  return `-- Made by: pnpm schema:dump\n\n${tables.join("\n\n")}\n\n${indexes.rows.map((row) => row.definition).join("\n")}\n`;
}
