import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Bench } from "../bench.ts";
import { enterOurs, type OurEntry } from "../harness/contest.ts";
import { median } from "../harness/statistics.ts";

const sampleMs = 200;

/**
 * What a worker process needs: its resident memory as the operating system sees it.
 *
 * Idle: a worker without any job, ten seconds after its start. In drain: the most that was seen, five times a second, while
 * the same process sends a backlog of 20,000. Fresh process and database each round; medians of the rounds.
 */
export const memory: Bench = {
  name: "memory",
  title: "resident memory of a worker process",
  async run(stage) {
    const idle: number[] = [];
    const draining: number[] = [];
    const count = stage.size(20_000, 300);
    for (let round = 0; round < stage.size(3, 1); round++) {
      await using entry = await enterOurs(stage);
      await entry.start();
      await sleep(stage.size(10_000, 500));
      idle.push(await residentMegabytes(entry));
      await stage.target.reset({ expected: count });
      const peak = watchPeak(entry);
      // The worker's planner finds them by its poll.
      await entry.store({ url: stage.target.url, count });
      await stage.target.arrived();
      draining.push(await peak.stop());
    }
    return {
      rows: [
        { what: "idle", side: "ours", value: median(idle), unit: "MB" },
        { what: "in drain", side: "ours", value: median(draining), unit: "MB" },
      ],
      verdicts: [
        atMost("must", "MB idle", median(idle), 150),
        atMost("must", "MB in drain", median(draining), 300),
      ],
    };
  },
};

async function residentMegabytes({ child }: OurEntry): Promise<number> {
  return (await child.call("residentBytes")) / 1024 / 1024;
}

function watchPeak(entry: OurEntry): { stop(): Promise<number> } {
  let peak = 0;
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      peak = Math.max(peak, await residentMegabytes(entry));
      await sleep(sampleMs);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await done;
      return Math.max(peak, await residentMegabytes(entry));
    },
  };
}
