import { runApp, shownOnce, startApp } from "@org/scheduler-app";

/** A worker alone, with its health; as many of them as wanted, on as many machines. */
await runApp("worker", async (config, log) => {
  const { made, url, stop } = await startApp(config, log, { port: 7073, faces: () => [], worker: true });
  const greeting = [
    `The worker is ready, with ${config.concurrency} slots: ${url}/readyz`,
    ...shownOnce(made, config),
  ];
  return { greeting: greeting.join("\n"), stop };
});
