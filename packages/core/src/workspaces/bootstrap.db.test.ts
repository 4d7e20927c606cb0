import { sql } from "kysely";
import { beforeEach, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";

const { setup } = testBench();

beforeEach(async () => {
  for (const table of ["tokens", "members", "users", "scopes", "workspaces"])
    await sql.raw(`delete from scheduler.${table}`).execute(setup.scheduler.engine.database.db);
});

const token = `cron_pat_${"k".repeat(32)}`;
const given = { adminEmail: " Admin@LocalHost", adminPassword: "correct horse", token };
const generated = { adminEmail: "admin@localhost", adminPassword: undefined, token: undefined };

async function count(): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*)::integer from scheduler.workspaces) as workspaces,
      (select count(*)::integer from scheduler.scopes) as scopes,
      (select count(*)::integer from scheduler.users) as users,
      (select count(*)::integer from scheduler.tokens) as tokens`.execute(setup.scheduler.engine.database.db);
  return rows[0];
}

const one = { workspaces: 1, scopes: 2, users: 1, tokens: 1 };

test("many processes that start at once make one workspace, and one of them has the keys to show", async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => setup.scheduler.bootstrap(generated)));
  expect(await count()).toEqual(one);
  const shown = made.filter(({ token: shownToken }) => shownToken !== undefined);
  expect(shown).toEqual([
    { token: expect.stringMatching(/^cron_pat_/), adminPassword: expect.stringMatching(/^.{20,}$/) },
  ]);
  const [{ token: key, adminPassword } = {}] = shown;
  expect(await setup.scheduler.authenticate(key)).toMatchObject({ kind: "user", mode: "live" });
  const login = { email: "admin@localhost", password: adminPassword! };
  expect(await setup.scheduler.execute("login", login)).toMatchObject({ user: { email: "admin@localhost" } });
});

test("with given keys, they work and none is made up, however often it starts", async () => {
  for (let start = 0; start < 3; start++) expect(await setup.scheduler.bootstrap(given)).toEqual({});
  expect(await count()).toEqual(one);
  const caller = await setup.scheduler.authenticate(token);
  expect(await setup.scheduler.execute("get_me", {}, caller)).toMatchObject({
    user: { email: "admin@localhost" },
  });
});

test("a token given later is added; one that was revoked stays revoked", async () => {
  await setup.scheduler.bootstrap(generated);
  await setup.scheduler.bootstrap(given);
  const caller = await setup.scheduler.authenticate(token);
  const { data } = await setup.scheduler.execute("list_tokens", {}, caller);
  expect(data).toHaveLength(2);
  const { id: token_id } = data.find(({ prefix }) => prefix === token.slice(0, 13))!;
  await setup.scheduler.execute("delete_token", { token_id }, caller);
  expect(await setup.scheduler.bootstrap(given)).toEqual({});
  await expect(setup.scheduler.authenticate(token)).rejects.toMatchObject({ code: "unauthenticated" });
});
