import { sql } from "kysely";
import { beforeEach, expect, test } from "vitest";
import type { WriteContext } from "../operations/context.ts";
import { rolledBack } from "../database/transaction.ts";
import { testBench } from "../testing/bench.ts";
import { declareJobs } from "./declare.ts";

const { setup, run } = testBench();

// The queue is there already: whoever makes it first would be waited for before any key is.
beforeEach(
  async () => void (await run("create_job", { name: "first", url: "https://a.example", draft: true })),
);

const input = (key: string) => ({
  name: key,
  url: "https://a.example",
  method: "GET" as const,
  timezone: "UTC",
  key,
  draft: true,
});

/** So many transactions wait for another one. */
async function waiting(count: number): Promise<void> {
  const { db } = setup.scheduler.engine.database;
  await expect
    .poll(async () => {
      const { rows } = await sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        db,
      );
      return rows.length;
    })
    .toBe(count);
}

/** While somebody is about to declare a key, and then does not. */
async function whileHeld(key: string, work: () => Promise<void>): Promise<void> {
  const { database, deliveries } = setup.scheduler.engine;
  await rolledBack(database.db, async (tx) => {
    const context: WriteContext = {
      tx,
      deliveries,
      caller: setup.caller,
      now: new Date(),
      dryRun: false,
      cipher: undefined,
      sendsMail: false,
      allowedTargets: [],
      parent: undefined,
      gate: undefined as never,
    };
    await declareJobs(context, [input(key)]);
    await work();
  });
}

test("two that declare the same keys in other orders do not wait for each other", async () => {
  const declare = (...keys: string[]) => run("create_jobs", { jobs: keys.map(input) });
  const both: ReturnType<typeof declare>[] = [];
  await whileHeld("m", async () => {
    both.push(declare("a", "m", "z"));
    await waiting(1);
    both.push(declare("z", "m", "a"));
    await waiting(2);
  });
  const [one, other] = await Promise.all(both);
  expect(one!.data.map(({ id }) => id)).toEqual(other!.data.map(({ id }) => id).toReversed());
});

test("a dry run waits for whoever declares its key, and tells what is then", async () => {
  const tried: Promise<{ id: string }>[] = [];
  await whileHeld("a", async () => {
    tried.push(run("put_job", { ...input("a"), dry_run: true }));
    await waiting(1);
  });
  expect(await tried[0]).toMatchObject({ key: "a", dry_run: true });
  expect((await run("list_jobs", { key: "a" })).data).toEqual([]);
});

test("a job that is deleted while it is declared is told as deleted", async () => {
  const { id } = await run("put_job", input("a"));
  const { db } = setup.scheduler.engine.database;
  const declared: Promise<unknown>[] = [];
  await db.transaction().execute(async (tx) => {
    await sql`select 1 from scheduler.jobs for update`.execute(tx);
    declared.push(run("delete_job", { job_id: id }));
    await waiting(1);
    declared.push(run("put_job", { ...input("a"), name: "b" }).catch((error: unknown) => error));
    await waiting(2);
  });
  expect(await declared[0]).toMatchObject({ deleted: true });
  expect(await declared[1]).toMatchObject({ code: "key_deleted" });
});

test("batches that share keys and queues in any order are all answered", { timeout: 60_000 }, async () => {
  const keys = Array.from({ length: 24 }, (_, index) => `key${index}`);
  await run("create_jobs", { jobs: keys.map(input) });
  const shuffled = (names: string[]): string[] => {
    const placed = names.map((name) => ({ name, place: Math.random() }));
    return placed.toSorted((one, other) => one.place - other.place).map(({ name }) => name);
  };
  /** Moves jobs to queues that nobody has made yet, and makes one that is new. */
  const batch = (jobs: string[], round: number) => {
    const queues = shuffled(["a", "b", "c", "d", "e"].map((name) => `${name}${round}`));
    return [...jobs, ...shuffled([`new${round}`, `newer${round}`])].map((key, index) => ({
      ...input(key),
      queue: queues[index % queues.length]!,
    }));
  };
  const answers: PromiseSettledResult<unknown>[] = [];
  for (let round = 0; round < 20; round++) {
    const order = shuffled(keys);
    const batches = [0, 4, 8, 12, 16, 20].map((at) => batch(order.slice(at, at + 4), round));
    answers.push(...(await Promise.allSettled(batches.map((jobs) => run("create_jobs", { jobs })))));
  }
  expect(answers).toHaveLength(120);
  expect(answers.filter(({ status }) => status === "rejected")).toEqual([]);
});
