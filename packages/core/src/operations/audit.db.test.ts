import { sql } from "kysely";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";

// What was done has its row in every-operation.db.test.ts.

const clock = testClock("2026-03-01T12:04:00.000Z");
const { setup, run, create } = testBench({ clock, job: { cron: "0 9 * * *" } });
const noJob = "job_01h455vb4pex5vsknk084sn02q";
const otherJob = "job_01h455vb4pex5vsknk084sn02r";
let reader: Caller;
let agent: Caller;

beforeAll(async () => {
  reader = await newCaller({ read_only: true });
  agent = await newCaller({ kind: "agent", agent: "researcher" });
});
beforeEach(async () => void (await sql`delete from scheduler.audit`.execute(db())));

async function newCaller(fields: Partial<Input<"create_token">>): Promise<Caller> {
  const { token } = await run("create_token", { name: "a caller", ...fields });
  return setup.scheduler.authenticate(token);
}

const db = () => setup.scheduler.engine.database.db;

interface Row {
  operation: string;
  outcome: string;
  error_code: string | null;
  times: number;
  target: string | null;
}

/** What is on record of what was not done. */
async function failures(): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select operation, outcome, error_code, times, target from scheduler.audit
    where outcome <> 'done' order by id, operation`.execute(db());
  return rows;
}

async function failing(...calls: Promise<unknown>[]): Promise<void> {
  for (const { status } of await Promise.allSettled(calls)) expect(status).toBe("rejected");
}

describe("a change leaves a row", () => {
  test("where it is refused, with who asked and for what", async () => {
    await failing(run("create_token", { name: "mine" }, agent));
    const { rows } = await sql`select * from scheduler.audit`.execute(db());
    expect(rows).toEqual([
      {
        scope_id: agent.scopeId,
        id: expect.any(String) as string,
        at: clock.now(),
        caller: "agent:researcher",
        token_id: agent.tokenId,
        operation: "create_token",
        target: null,
        outcome: "refused",
        error_code: "forbidden",
        times: 1,
        face: "library",
        tool: null,
        rule: null,
        arguments_hash: expect.anything() as Buffer,
        request_id: null,
      },
    ]);
  });

  test("where the token may only read, and where the handler itself refuses", async () => {
    const { id } = await create();
    await failing(run("delete_job", { job_id: id }, reader));
    await failing(run("create_token", { name: "more", mode: "live" }, await newCaller({ mode: "test" })));
    const refused = { outcome: "refused", error_code: "forbidden", times: 1 };
    expect((await failures()).sort((one, other) => (one.operation < other.operation ? -1 : 1))).toEqual([
      { operation: "create_token", target: null, ...refused },
      { operation: "delete_job", target: id, ...refused },
    ]);
  });

  test("where it fails, although all else of it is undone", async () => {
    const { id: job_id } = await create();
    await run("cancel_job", { job_id });
    await failing(run("pause_job", { job_id }));
    await failing(run("delete_job", { job_id: noJob }));
    expect(await failures()).toEqual(
      expect.arrayContaining([
        { operation: "pause_job", outcome: "failed", error_code: "conflict", times: 1, target: job_id },
        { operation: "delete_job", outcome: "failed", error_code: "not_found", times: 1, target: noJob },
      ]),
    );
  });

  test("where it breaks for a reason of our own, which the caller hears of as before", async () => {
    await sql`alter table scheduler.jobs add constraint broken check (name <> 'broken')`.execute(db());
    try {
      await expect(create({ name: "broken" })).rejects.toThrow(/broken/);
    } finally {
      await sql`alter table scheduler.jobs drop constraint broken`.execute(db());
    }
    expect(await failures()).toEqual([
      { operation: "create_job", outcome: "failed", error_code: "internal", times: 1, target: null },
    ]);
  });

  test("although nothing of it can be recorded, is answered as before", async () => {
    await sql`alter table scheduler.audit add constraint nothing_but_done check (outcome = 'done')`.execute(
      db(),
    );
    try {
      await expect(run("delete_job", { job_id: noJob })).rejects.toMatchObject({ code: "not_found" });
    } finally {
      await sql`alter table scheduler.audit drop constraint nothing_but_done`.execute(db());
    }
  });
});

test("reading that is refused, or finds nothing, is on record, too", async () => {
  await failing(run("list_tokens", {}, agent), run("get_job", { job_id: noJob }));
  expect(await failures()).toEqual(
    expect.arrayContaining([
      { operation: "list_tokens", outcome: "refused", error_code: "forbidden", times: 1, target: null },
      { operation: "get_job", outcome: "failed", error_code: "not_found", times: 1, target: noJob },
    ]),
  );
});

describe("no row is left", () => {
  test("by trying and input that does not fit", async () => {
    await failing(run("update_job", { job_id: noJob, name: "a", dry_run: true }));
    await failing(run("create_job", { name: "a", url: "https://a.example", dry_run: true }, reader));
    await failing(
      create({ cron: "nope" }),
      create({ url: "nope" }),
      run("create_token", { name: "a", kind: "agent" }),
    );
    expect(await failures()).toEqual([]);
  });

  test("by whoever has no token", async () => {
    const { execute } = setup.scheduler;
    await failing(execute("delete_job", { job_id: noJob }));
    await failing(execute("login", { email: "a@b.example", password: "wrong" }));
    expect(await failures()).toEqual([]);
  });

  test("of a target that may be anything", async () => {
    await failing(run("delete_job", { job_id: "sk_live_4eC39HqLyjWDarjtT1zdp7dc" }));
    expect(await failures()).toMatchObject([{ error_code: "not_found", target: null }]);
  });
});

describe("whoever fails without end fills no table", () => {
  test("the same again is counted in one row, at the same moment too", async () => {
    await Promise.all(Array.from({ length: 20 }, () => failing(run("delete_job", { job_id: noJob }))));
    expect(await failures()).toMatchObject([{ operation: "delete_job", times: 20, target: noJob }]);
    await failing(run("delete_job", { job_id: otherJob }));
    await failing(run("delete_job", { job_id: noJob }));
    expect(await failures()).toMatchObject([{ operation: "delete_job", times: 22, target: null }]);
  });

  test("and hides nothing that is not the same", async () => {
    for (const caller of [setup.caller, reader, setup.testCaller])
      await failing(run("delete_job", { job_id: noJob }, caller));
    await failing(run("pause_job", { job_id: noJob }));
    clock.advance(6 * 60_000);
    await failing(run("delete_job", { job_id: noJob }));
    expect((await failures()).map(({ times }) => times)).toEqual([1, 1, 1, 1, 1]);
  });
});
