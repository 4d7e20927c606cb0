import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { seed, seededRandom } from "../seeded-random.ts";
import { createAll, expectLoadDone, leadMs, oneShots } from "./load.ts";
import { figuresOf, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

const limits: Record<string, number> = { "/many": 4, "/single": 1 };
/** So long that both would like to send more at once than they may; in a long run, with room to catch up after each kill. */
const answerMs: Record<string, number> = { "/many": length(1000, 700), "/single": 100 };

test("a queue's limit holds while its workers are killed and new ones come", { timeout }, async () => {
  await using system = await startSystem("queues");
  const { client, target } = system;
  const random = seededRandom(seed);
  const together: Record<string, number> = {};
  const most: Record<string, number> = {};
  target.answer(({ path }, response, request) => {
    together[path] = (together[path] ?? 0) + 1;
    most[path] = Math.max(most[path] ?? 0, together[path]);
    const answering = setTimeout(() => response.end("ok"), answerMs[path]! * (0.5 + random()));
    // A worker that is killed leaves its requests: then they are under way no more.
    response.on("close", () => {
      clearTimeout(answering);
      together[path]!--;
      request.destroy();
    });
  });
  const load = { from: Date.now() + leadMs, seconds: length(8, 300), perSecond: 5 };
  const owed = [];
  for (const [path, concurrency] of Object.entries(limits)) {
    const queue = path.slice(1);
    await client.updateQueue({ name: queue, concurrency });
    const jobs = oneShots(target.url + path, load).map(({ job, slots }) => ({
      job: { ...job, queue },
      slots,
    }));
    owed.push(...(await createAll(client, jobs)));
  }
  const workers = await Promise.all([system.startWorker(), system.startWorker()]);
  await target.arrived(10);
  for (let kill = 0; kill < length(2, 12); kill++) {
    await workers[kill % 2]!.end("SIGKILL");
    workers[kill % 2] = await system.startWorker();
    await sleep(length(2000, 20_000) * (0.5 + random()));
  }
  const reckoning = await expectLoadDone(client, owed, target);
  report("queues", { ...figuresOf(owed, reckoning, target), "at once": JSON.stringify(most) });
  expect(most).toEqual(limits);
  const { data } = await client.listQueues();
  expect(data.map(({ waiting, running }) => waiting + running)).toEqual(data.map(() => 0));
});
