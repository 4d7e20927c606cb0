import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { type Operation, operations } from "@org/scheduler-contract";
import { ask, type Json } from "./ask.ts";
import { copyDataDir } from "./data-dir.ts";
import { type Hostile, hostileFrom, inputFor, randomFrom, rawBodies } from "./hostile.ts";
import { startApp } from "./start-app.ts";

const count = 20_000;
/** Enough that the server always has something to do. */
const atOnce = 24;
const hangsAfterMs = 20_000;
/** What a server may be larger than a quarter of the way through: the embedded database keeps what was made. */
const mayGrowBy = 200;

// Logging in takes some tens of milliseconds of purpose, and has its own tests.
const fuzzed = Object.values<Operation>(operations).filter(({ name }) => name !== "login");

interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

const json = { "Content-Type": "application/json" };

function restRequest(operation: Operation, hostile: Hostile): Sent {
  const { method, path } = operation.http;
  const input = inputFor(operation, hostile);
  const filled = path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = Object.hasOwn(input, field) && hostile.chance(0.5) ? input[field] : hostile.text();
    delete input[field];
    const text = String(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 3000);
    // Some as they are: a path is the first thing that a stranger can write.
    return hostile.chance(0.9) ? encodeURIComponent(text.toWellFormed()) : text.replace(/[^!-~]|[?#]/g, "%");
  });
  if (method === "GET" || method === "DELETE") {
    const query = new URLSearchParams(
      Object.entries(input).map(([name, value]): [string, string] => [
        name,
        (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 3000),
      ]),
    );
    return { method, path: `${filled}?${query.toString()}`, headers: {} };
  }
  const isRaw = hostile.chance(0.1);
  const body = isRaw ? hostile.pick(rawBodies) : JSON.stringify(input);
  const key = hostile.text().replace(/[^ -~]/g, "");
  return {
    method,
    path: filled,
    headers: { ...json, ...(hostile.chance(0.1) && { "Idempotency-Key": key }) },
    body,
  };
}

function mcpRequest(operation: Operation, hostile: Hostile): Sent {
  const args = inputFor(operation, hostile);
  const params = {
    name: hostile.chance(0.97) ? operation.name : hostile.text(),
    arguments: hostile.chance(0.97) ? args : hostile.value(),
    ...(hostile.chance(0.05) && { _meta: hostile.value() }),
  };
  const message = {
    jsonrpc: "2.0",
    id: hostile.chance(0.97) ? 1 : hostile.value(),
    method: "tools/call",
    params,
  };
  const headers = {
    ...json,
    Accept: "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
  };
  return { method: "POST", path: "/mcp", headers, body: JSON.stringify(message) };
}

function megabytesOf(pid: number): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)]).toString()) / 1024;
}

test(
  `finds no failure of ours, no hang and no growth in ${count} hostile requests`,
  { timeout: 300_000 },
  async () => {
    await using dataDir = await copyDataDir();
    await using app = await startApp("server", { SCHEDULER_DATA_DIR: dataDir.path, LOG_LEVEL: "error" });
    const tokens = [dataDir.token];
    for (const more of [{ kind: "agent", agent: "fuzzed-agent" }, { kind: "system" }, { read_only: true }]) {
      const made = await ask(`${app.url}/v1/tokens`, {
        token: dataDir.token,
        body: { name: "fuzz", ...more },
      });
      tokens.push(made.json["token"] as string);
    }
    const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_128);
    const hostile = hostileFrom(randomFrom(seed));
    const failures: string[] = [];
    const statuses = new Map<number, number>();
    let sent = 0;
    let before = 0;

    async function send(): Promise<void> {
      const operation = hostile.pick(fuzzed);
      const overMcp = operation.tool !== undefined && hostile.chance(0.4);
      const request = overMcp ? mcpRequest(operation, hostile) : restRequest(operation, hostile);
      const { method, path, headers, body } = request;
      const token = hostile.pick(tokens);
      const told = `${method} ${path.slice(0, 300)} ${body?.slice(0, 600) ?? ""}`;
      try {
        const answer = await fetch(app.url + path, {
          method,
          headers: { ...headers, Authorization: `Bearer ${token}` },
          ...(body !== undefined && { body }),
          signal: AbortSignal.timeout(hangsAfterMs),
        });
        const text = await answer.text();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const isOurs = answer.status >= 500 || /"code": ?\\?"internal\\?"/.test(text);
        if (isOurs) failures.push(`${answer.status} for ${told}\n${text.slice(0, 500)}`);
        if (/ at .+\.(ts|js):\d+/.test(text)) failures.push(`a stack for ${told}`);
      } catch (error) {
        failures.push(`${String(error)} for ${told}`);
      }
    }

    async function sender(): Promise<void> {
      while (sent < count) {
        sent++;
        await send();
        if (sent === count / 4) before = megabytesOf(app.pid);
      }
    }
    await Promise.all(Array.from({ length: atOnce }, sender));
    expect(failures.slice(0, 10).join("\n\n"), `${failures.length} failures with seed ${seed}`).toBe("");
    // Hostile, but not only nonsense: what fits is carried out.
    expect(statuses.get(200)! + statuses.get(201)!).toBeGreaterThan(count / 10);
    const after = megabytesOf(app.pid);
    expect(after - before, `${Math.round(before)} MB, then ${Math.round(after)} MB`).toBeLessThan(mayGrowBy);
    const { json: ready } = await ask<Json>(`${app.url}/readyz`);
    expect(ready).toMatchObject({ ready: true });
    const me = await ask(`${app.url}/v1/me`, { token: dataDir.token });
    expect(me.status).toBe(200);
    expect(app.output()).not.toContain(dataDir.token);
  },
);
