import { runApp, shownOnce, startApp } from "@org/scheduler-app";
import { createMcpHttp } from "@org/scheduler-mcp";

/** The MCP server alone, over Streamable HTTP; workers fire what it stores. */
await runApp("mcp-http", async (config, log) => {
  const { made, url, stop } = await startApp(config, log, {
    port: 7072,
    faces: (scheduler, options) => [createMcpHttp(scheduler, options)],
    worker: false,
  });
  const greeting = [`The MCP server is ready: ${url}/mcp`, ...shownOnce(made, config)].join("\n");
  return { greeting, stop };
});
