import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import type { Owed } from "../oracle.ts";
import { type Connection, connectDatabase, countOpen } from "./connect-database.ts";
import { createAll, expectLoadDone, leadMs, oneShots } from "./load.ts";
import { figuresOf, report } from "./report.ts";
import { startHardTargets } from "./hard-targets.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

const seconds = length(15, 600);
const perSecond = 100;
const stepSeconds = 5;

/** What a process may still grow by after its first third. */
const grownMb = 40;
/** Rows and indexes of one job that fired once, all tables together. */
const bytesPerSlot = 4000;
/** Tables whose rows come and go: what autovacuum, once a minute, has not taken yet. */
const passingBytes = 4_000_000;

test("a hundred jobs a second leave nothing behind but history", { timeout }, async () => {
  await using system = await startSystem("soak");
  const { client, target, postgres } = system;
  await using hard = await startHardTargets(system);
  // With little room for garbage it is collected often, so that what grows is what is kept.
  const worker = await system.startWorker({
    NODE_OPTIONS: "--max-semi-space-size=2 --max-old-space-size=128",
  });
  await using database = await connectDatabase(postgres.url);
  const before = await sizesOf(database);
  const from = Date.now() + leadMs;
  const owed: Owed[] = [];
  const memoryMb: number[] = [];
  for (let second = 0; second < seconds; second += stepSeconds) {
    const step = { from: from + second * 1000, seconds: stepSeconds, perSecond };
    owed.push(...(await createAll(client, oneShots(target.url, step))));
    await hard.create(step);
    memoryMb.push(await memoryOf(worker.pid));
    await sleep(Math.max(0, step.from - Date.now()));
  }
  const reckoning = await expectLoadDone(client, owed, target);
  memoryMb.push(await memoryOf(worker.pid));
  const after = await sizesOf(database);

  const slots = reckoning.executions.length;
  const warm = memoryMb[Math.ceil(memoryMb.length / 3)]!;
  const perSlot = Math.round((after.kept - before.kept) / slots);
  report("soak", {
    ...figuresOf(owed, reckoning, target),
    ...hard.figures(),
    "memory MB": memoryMb.filter((_, index) => index % Math.ceil(memoryMb.length / 10) === 0).join("/"),
    "bytes per slot": perSlot,
    "passing tables kB": Math.round(after.passing / 1000),
    "dead rows": after.dead,
  });
  expect(reckoning.again).toEqual([]);
  expect(reckoning.interrupted).toBe(0);
  await vi.waitFor(async () => expect(await countOpen(database)).toBe(0), {
    timeout: 30_000,
    interval: 500,
  });
  expect(hard.figures()["callbacks"]).toBeGreaterThan(0);
  expect(memoryMb.at(-1)! - warm).toBeLessThan(grownMb);
  expect(perSlot).toBeLessThan(bytesPerSlot);
  expect(after.passing).toBeLessThan(passingBytes);
  // Autovacuum comes once a minute where a fifth of a table is dead.
  expect(after.dead).toBeLessThan(slots + perSecond * 180);
});

/** Resident memory, in MB. */
async function memoryOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
  return Math.round(Number(stdout) / 1024);
}

/** Bytes of tables with their indexes, and rows that are dead but still there. */
async function sizesOf(database: Connection): Promise<{ kept: number; passing: number; dead: number }> {
  const { rows } = await database.query<{ kept: number; passing: number; dead: number }>(`
    select sum(size) filter (where not passes)::float8 as kept, sum(size) filter (where passes)::float8 as passing,
      sum(n_dead_tup)::float8 as dead
    from (
      select pg_total_relation_size(relid) as size, n_dead_tup,
        relname in ('open_executions', 'workers') as passes
      from pg_stat_user_tables where schemaname = 'scheduler'
    ) tables`);
  return rows[0]!;
}
