import { createScheduler } from "@org/scheduler-core";
import { mixedCron, zones } from "../harness/crons.ts";
import { token } from "../harness/database.ts";

/** As many as one call answers. */
const most = 100;

/** A process that previews. */
export async function openPreviewer(databaseUrl: string) {
  const scheduler = await createScheduler({ databaseUrl });
  const caller = await scheduler.authenticate(token);
  const from = new Date().toISOString();
  async function msFor(jobs: number, count: number): Promise<number> {
    const begun = performance.now();
    for (let index = 0; index < jobs; index++) {
      const input = { cron: mixedCron(index), timezone: zones[index % zones.length]!, from, count };
      await scheduler.execute("preview_schedule", input, caller);
    }
    return performance.now() - begun;
  }
  return {
    async perSecond(jobs: number): Promise<number> {
      const one = await msFor(jobs, 1);
      const many = await msFor(jobs, most);
      return ((jobs * (most - 1)) / (many - one)) * 1000;
    },
  };
}
