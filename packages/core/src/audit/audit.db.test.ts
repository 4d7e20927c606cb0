import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";
import { retain, startRetaining } from "../engine/retain.ts";
import { sealAudit } from "./seal.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run, create } = testBench({ clock });
const db = () => setup.scheduler.engine.database.db;

async function failing(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => expect.unreachable(),
    () => {},
  );
}

describe("the audit", () => {
  test("says who did or tried what, by which key, to what, how, and what came of it", async () => {
    const made = await run("create_token", { name: "a key", kind: "agent", agent: "researcher" });
    const agent = await setup.scheduler.authenticate(made.token);
    const input = { name: "a", url: "https://a.example" };
    const how = { via: "rest", requestId: "req-1" };
    const { id: target } = await setup.scheduler.execute("create_job", input, agent, how);
    clock.advance(1000);
    const face = { dialect: "trigger", tool: "cancel_run", args: {}, required: [] };
    await run("put_policy", { policy: "tools: {cancel_run: {rules: [{action: deny, name: never}]}}" });
    clock.advance(1000);
    const missing = { execution_id: "exec_01h455vb4pex5vsknk084sn02q" };
    await failing(setup.scheduler.execute("cancel_execution", missing, agent, { face, requestId: "req-2" }));
    await run("put_policy", { policy: "" });
    const list = async (filter: Input<"list_audit">) => (await run("list_audit", filter)).data;
    const own = (await list({ token_id: made.id })).toSorted((one, other) => (one.at < other.at ? 1 : -1));
    expect(own).toMatchObject([
      {
        caller: "agent:researcher",
        operation: "cancel_execution",
        target: "exec_01h455vb4pex5vsknk084sn02q",
        outcome: "refused",
        error_code: "policy_denied",
        rule: `"never", line 1 of the workspace's policy`,
        face: "trigger",
        tool: "cancel_run",
        request_id: "req-2",
        times: 1,
      },
      { operation: "create_job", target, outcome: "done", rule: null, face: "rest", request_id: "req-1" },
    ]);
    expect((await list({ target })).map(({ operation }) => operation)).toEqual(["create_job"]);
    expect(await list({ outcome: "refused" })).toHaveLength(1);
    expect(await list({ outcome: "refused", from: "2026-03-01T12:00:02Z" })).toHaveLength(1);
    expect(await list({ outcome: "refused", to: "2026-03-01T12:00:02Z" })).toEqual([]);
    expect(await list({ operation: "put_policy" })).toHaveLength(2);
    expect(await list({ to: "2026-03-01T12:00:01Z", operation: "create_job" })).toHaveLength(1);
    expect(await list({ from: "2026-03-01T12:00:01Z", operation: "create_job" })).toEqual([]);
    await expect(run("list_audit", { token_id: "nope" })).rejects.toMatchObject({ code: "not_found" });
  });

  test("tells equal arguments from others, and no secret by its hash", async () => {
    const hashes = async (operation: string) =>
      (await run("list_audit", { operation })).data.map(({ arguments_hash: hash }) => hash);
    for (const name of ["a", "a", "b"]) {
      await create({ name });
      clock.advance(1);
    }
    const [third, second, first] = await hashes("create_job");
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect([second, third === first]).toEqual([first, false]);
    for (const value of ["hush-hush", "other-one"]) {
      await run("create_secret", { name: "s", value, replace: true });
      clock.advance(1);
    }
    const [one, other] = await hashes("create_secret");
    expect(one).toBe(other);
  });

  test("goes on behind what it has looked through", async () => {
    await db().executeQuery(
      sql`insert into scheduler.audit (scope_id, id, at, caller, operation)
        select ${setup.caller.scopeId}::integer,
          ('019ca900-' || lpad(to_hex(n / 4096), 4, '0') || '-7' || lpad(to_hex(n % 4096), 3, '0') || '-8000-000000000000')::uuid,
          now(), 'x', case when n = 1 then 'rare' else 'common' end
        from generate_series(1, 10500) n`.compile(db()),
    );
    const first = await run("list_audit", { operation: "rare" });
    expect(first).toMatchObject({ data: [], has_more: true });
    const next = await run("list_audit", { operation: "rare", cursor: first.next_cursor! });
    expect(next).toMatchObject({ data: [{ operation: "rare" }], has_more: false });
  });
});

describe("seals over the audit", () => {
  const seal = async () => {
    while (await sealAudit(db(), clock.now()));
  };
  const check = () => setup.scheduler.checkAudit();

  async function sealed(): Promise<void> {
    for (let minute = 0; minute < 3; minute++) {
      await create();
      await failing(run("get_job", { job_id: "nope" }));
      clock.advance(60_000);
    }
    clock.advance(15 * 60_000);
    await seal();
  }

  test("hold as long as nobody changes, adds or takes away an entry", async () => {
    await sealed();
    await sealed();
    const good = await check();
    expect(good).toMatchObject({ broken: [], seals: 2 });
    expect(good.last!.hash).toMatch(/^[0-9a-f]{64}$/);
    await create();
    expect(await check()).toEqual(good);

    const tamperings = [
      sql`update scheduler.audit set caller = 'somebody else' where operation = 'create_job' and at < '2026-03-01T12:02:00Z'`,
      sql`delete from scheduler.audit where operation = 'get_job'`,
      sql`insert into scheduler.audit select scope_id, (substr(id::text, 1, 34) || 'ab')::uuid as id, at, caller, token_id, 'forged', target, outcome, error_code, times, face, tool, rule, arguments_hash, request_id from scheduler.audit where at < '2026-03-01T12:01:00Z' limit 1`,
      sql`update scheduler.audit_seals set entries = entries + 1`,
      sql`update scheduler.audit_seals set to_at = to_at + interval '1 minute'`,
      sql`delete from scheduler.audit_seals where number = 1`,
    ];
    for (const tampering of tamperings) {
      const before = await check();
      expect(before.broken).toEqual([]);
      await sql`create table scheduler.kept as table scheduler.audit`.execute(db());
      await sql`create table scheduler.kept_seals as table scheduler.audit_seals`.execute(db());
      await tampering.execute(db());
      expect((await check()).broken.length, tampering.compile(db()).sql).toBeGreaterThan(0);
      for (const [table, kept] of [
        ["audit", "kept"],
        ["audit_seals", "kept_seals"],
      ]) {
        await sql.raw(`delete from scheduler.${table}`).execute(db());
        await sql.raw(`insert into scheduler.${table} select * from scheduler.${kept}`).execute(db());
        await sql.raw(`drop table scheduler.${kept}`).execute(db());
      }
    }
  });

  test("follow each other, and are made by one process at a time", async () => {
    await sealed();
    await sealed();
    await Promise.all([seal(), seal(), seal()]);
    const { seals, broken } = await check();
    expect(seals).toBeGreaterThan(1);
    expect(broken).toEqual([]);
  });

  test("go on holding when retention takes their entries away, long after history went", async () => {
    await sealed();
    const before = await check();
    const walk = startRetaining();
    const step = async () => {
      while ((await retain(setup.scheduler.engine, walk)) < 1000);
    };
    clock.advance(60 * 86_400_000);
    await step();
    expect((await run("list_audit", { operation: "create_job" })).data).toHaveLength(3);
    clock.advance(400 * 86_400_000);
    await step();
    expect((await run("list_audit", { operation: "create_job" })).data).toEqual([]);
    expect(await check()).toMatchObject({ broken: [], last: before.last });
  });
});
