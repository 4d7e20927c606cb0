import { runApp, startApp, writeServerFile } from "@org/scheduler-app";
import { createMcpHttp } from "@org/scheduler-mcp";
import { createRestHttp } from "@org/scheduler-rest";
import { greeting } from "./greeting.ts";
import { usableToken } from "./usable-token.ts";

/** Everything in one process: REST, MCP and a worker, on the embedded database or a server of your own. */
await runApp("scheduler", async (config, log) => {
  const { scheduler, made, url, stop } = await startApp(config, log, {
    port: 7070,
    faces: (backend, options) => [createMcpHttp(backend, options), createRestHttp(backend, options)],
    worker: true,
  });
  const token = await usableToken(scheduler, config, made);
  if (config.databaseUrl === undefined) await writeServerFile(config.dataDir, { url, token: token ?? null });
  return { greeting: greeting({ url, made, token, config }), stop };
});
