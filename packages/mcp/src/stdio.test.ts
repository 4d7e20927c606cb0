import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("testing/stdio-main.ts", import.meta.url));

describe("over stdio", () => {
  it.each([{ pin: "2026-07-28" }, "legacy" as const])(
    "serves the same tools to a client on %o",
    async (mode) => {
      const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode } });
      await client.connect(new StdioClientTransport({ command: process.execPath, args: [main] }));
      const { tools } = await client.listTools();
      expect(tools[0]?.name).toBe("list_jobs");
      expect(tools.map((tool) => tool.name)).not.toContain("list_executions");
      const result = await client.callTool({ name: "get_job", arguments: { job_id: "job_nope" } });
      expect(result.isError).toBe(true);
      await client.close();
    },
  );
});
