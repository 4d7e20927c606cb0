import { runApp, shownOnce, startApp } from "@org/scheduler-app";
import { createRestHttp } from "@org/scheduler-rest";

/** The REST API alone; workers fire what it stores. */
await runApp("api", async (config, log) => {
  const { made, url, stop } = await startApp(config, log, {
    port: 7071,
    faces: (scheduler, options) => [createRestHttp(scheduler, options)],
    worker: false,
  });
  const greeting = [
    `The REST API is ready: ${url}/v1 (${url}/openapi.json)`,
    ...shownOnce(made, config),
  ].join("\n");
  return { greeting, stop };
});
