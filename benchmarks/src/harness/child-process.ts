import { enableCompileCache } from "node:module";
import type { ContenderSettings } from "../peers/contender.ts";

/** What a forked process can be. Each is loaded only in its own process, so that none pays for another's modules. */
const roles = {
  target: async () => (await import("./target-process.ts")).openTarget(),
  ours: async (settings: ContenderSettings) => (await import("../peers/ours.ts")).openOurs(settings),
  "pg-boss": async (settings: ContenderSettings) =>
    (await import("../peers/pg-boss.ts")).openPgBoss(settings),
  "graphile-worker": async (settings: ContenderSettings) =>
    (await import("../peers/graphile-worker.ts")).openGraphileWorker(settings),
  bullmq: async (settings: ContenderSettings) => (await import("../peers/bullmq.ts")).openBullMq(settings),
  api: async (databaseUrl: string) => (await import("../peers/api.ts")).openApi(databaseUrl),
  reader: async (databaseUrl: string) => (await import("../peers/reader.ts")).openReader(databaseUrl),
  previewer: async (databaseUrl: string) =>
    (await import("../peers/previewer.ts")).openPreviewer(databaseUrl),
};

export type Roles = typeof roles;

interface Call {
  id: number;
  method: string;
  input: unknown;
}

/** Opens the role that this process was forked for, and answers calls of its methods. */
function serve(open: (settings: unknown) => Promise<object>): void {
  let methods: Record<string, (input: unknown) => unknown> = {
    open: async (settings) => {
      methods = (await open(settings)) as typeof methods;
    },
  };
  const answer = async ({ id, method, input }: Call): Promise<void> => {
    try {
      process.send!({ id, value: await methods[method]!(input) });
    } catch (error) {
      process.send!({ id, error: (error as Error).stack });
    }
  };
  process.on("message", (call: Call) => void answer(call));
  process.on("disconnect", () => process.exit(0));
}

enableCompileCache();
serve(roles[process.argv[2] as keyof Roles] as (settings: unknown) => Promise<object>);
