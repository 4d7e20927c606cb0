import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Bench, rowsOf } from "../bench.ts";
import { storeWork } from "../harness/contest.ts";
import { median } from "../harness/statistics.ts";
import { startWorkerApp, type WorkerApp } from "../harness/worker-app.ts";

const sampleMs = 500;

/**
 * What a worker process needs: the resident memory of apps/worker, as a user starts it from its sources.
 *
 * Idle: without any job, ten seconds after it is ready. In drain: the most that was seen, twice a second, while the same
 * process sends a backlog of 20,000. Fresh process and database each round; medians of the rounds. All but the first
 * round find the code compiled, as every start but the first does on a machine.
 */
export const memory: Bench = {
  name: "memory",
  title: "resident memory of a worker process",
  async run(stage) {
    const idle: number[] = [];
    const draining: number[] = [];
    const count = stage.size(20_000, 300);
    for (let round = 0; round < stage.size(3, 1); round++) {
      await using database = await stage.databases.create("ours");
      await using app = await startWorkerApp(database.url);
      await sleep(stage.quick ? 300 : 10_000);
      idle.push(await app.residentMegabytes());
      await stage.target.reset({ expected: count });
      const peak = watchPeak(app);
      // The worker's planner finds them by its poll.
      await storeWork(database, { url: stage.target.url, count });
      await stage.target.arrived();
      draining.push(await peak.stop());
    }
    return {
      rows: rowsOf("resident", "MB", [
        ["idle", median(idle)],
        ["in drain", median(draining)],
      ]),
      verdicts: [
        atMost("must", 150, "MB idle", median(idle)),
        atMost("must", 300, "MB in drain", median(draining)),
      ],
    };
  },
};

function watchPeak(app: WorkerApp): { stop(): Promise<number> } {
  let peak = 0;
  let stopped = false;
  const look = async (): Promise<void> => {
    peak = Math.max(peak, await app.residentMegabytes());
  };
  const done = (async () => {
    while (!stopped) {
      await look();
      await sleep(sampleMs);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await done;
      await look();
      return peak;
    },
  };
}
