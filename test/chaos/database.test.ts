import { expect, test, vi } from "vitest";
import type { App } from "../e2e/start-app.ts";
import type { Owed } from "../oracle.ts";
import { connectDatabase, countOpen } from "./connect-database.ts";
import { createLoad, endOf, expectLoadDone, leadMs } from "./load.ts";
import { figuresOf, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";
import { type Proxy, startProxy } from "./tcp-proxy.ts";
import { troubles } from "./troubles.ts";

/** The promise is ten seconds, of which silence alone takes nine; a busy machine gets half as much again. */
const turnsAgainWithinMs = 15_000;

/** How long a trouble and the recovery from it take, or a little less. */
const troubleMs = length(6000, 40_000);

test("no trouble of the database loses a slot or stops a loop", { timeout }, async () => {
  await using ways = new AsyncDisposableStack();
  let proxy: Proxy | undefined;
  await using system = await startSystem("database", async (straight) => {
    const url = new URL(straight);
    proxy = ways.use(await startProxy(Number(url.port)));
    url.port = String(proxy.port);
    return url.href;
  });
  const { client, target, postgres, api } = system;
  target.answer((_, response) => void setTimeout(() => response.end("ok"), 50 + Math.random() * 300));
  const workers = Array.from({ length: length(1, 2) }, () => system.startWorker());
  const apps = [api, ...(await Promise.all(workers))];
  const owed: Owed[] = [];

  for (let round = 1; round <= length(1, 3); round++) {
    for (const [name, happen] of troubles) {
      const from = Math.max(endOf(owed), Date.now() + leadMs);
      const seconds = Math.ceil((Date.now() + leadMs + troubleMs - from) / 1000);
      if (seconds > 0) owed.push(...(await createLoad(client, target.url, { from, seconds, perSecond: 10 })));
      await target.arrived(target.arrivals.length + 5);
      const before = performance.now();
      await happen({ postgres, proxy: proxy! });
      const over = performance.now();
      const turnsAfterMs = await turnAgain(apps, over);
      report(`database ${name}`, {
        "for ms": Math.round(over - before),
        "every loop turns after ms": turnsAfterMs,
      });
      expect(turnsAfterMs).toBeLessThan(turnsAgainWithinMs);
    }
  }
  const reckoning = await expectLoadDone(client, owed, target);
  for (const app of apps) expect(await Promise.race([app.exited, Promise.resolve("runs")])).toBe("runs");
  await using database = await connectDatabase(postgres.url);
  expect(await countOpen(database)).toBe(0);
  const { waitedMs } = reckoning;
  report("database", { ...figuresOf(owed, reckoning, target), "last done after ms": waitedMs });
});

/** Waits until every loop of every app has turned since an instant, and each app says that it is ready. */
async function turnAgain(apps: App[], since: number): Promise<number> {
  for (const app of apps) {
    await vi.waitFor(
      async () => {
        const asked = performance.now();
        const { status, ages } = await loopAges(app);
        expect(status).toBe(200);
        for (const [name, age] of ages) expect(age, name).toBeLessThan(asked - since);
      },
      { timeout: 60_000, interval: 100 },
    );
  }
  return Math.round(performance.now() - since);
}

async function loopAges({ url }: App): Promise<{ status: number; ages: [name: string, ms: number][] }> {
  // The answer itself may wait for a connection that fell silent: another one is sooner there.
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) });
  const { checks } = (await response.json()) as { checks: Record<string, { detail: string }> };
  const ages = Object.entries(checks).flatMap(([name, { detail }]): [string, number][] => {
    const age = /^turned (\d+) ms ago$/.exec(detail)?.[1];
    return age === undefined ? [] : [[name, Number(age)]];
  });
  return { status: response.status, ages };
}
