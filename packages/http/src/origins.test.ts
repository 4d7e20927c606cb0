import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SchedulerError } from "@org/scheduler-contract";
import { createListener, type Face } from "./listener.ts";

const named = "https://app.example";
const backend = { ready: () => Promise.resolve({ ready: true, checks: {} }) };

const face: Face = ({ url }, response) => {
  if (url === "/fails") throw new SchedulerError("unauthenticated", "No.", { hint: "Send a token." });
  response.setHeader("X-Request-Id", "1");
  response.end(url);
};
const options = { allowedOrigins: [named, "http://localhost:3000"], faces: [face] };
const server = createServer(createListener(backend, options));
beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"));
afterAll(async () => {
  server.close().closeAllConnections();
  await once(server, "close");
});

const ask = (path: string, headers: Record<string, string>, method = "GET") =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method, headers });
const preflight = (path: string, headers: Record<string, string>) =>
  ask(path, { "Access-Control-Request-Method": "PUT", ...headers }, "OPTIONS");

/** What is said to browsers. */
const said = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control") || name === "vary"));

const list = (response: Response, header: string) => response.headers.get(header)!.split(", ");

describe("a page of a named origin", () => {
  test.each(["/v1/jobs", "/mcp", "/nowhere"])("may ask before it asks for %s", async (path) => {
    for (const origin of options.allowedOrigins) {
      const answer = await preflight(path, { Origin: origin });
      expect(answer.status).toBe(204);
      expect(await answer.text()).toBe("");
      expect(said(answer)).toMatchObject({ "access-control-allow-origin": origin, vary: "Origin" });
      expect(list(answer, "Access-Control-Allow-Methods")).toEqual(
        expect.arrayContaining(["GET", "POST", "PUT", "PATCH", "DELETE"]),
      );
      expect(list(answer, "Access-Control-Allow-Headers")).toEqual(
        expect.arrayContaining(["Authorization", "Content-Type", "Idempotency-Key", "MCP-Protocol-Version"]),
      );
      expect(Number(answer.headers.get("Access-Control-Max-Age"))).toBeGreaterThan(0);
    }
  });

  test.each([
    ["/v1/jobs", 200],
    ["/healthz", 200],
    ["/fails", 401],
  ])("may read the answer of %s, which is %i", async (path, status) => {
    const answer = await ask(path, { Origin: named });
    expect(answer.status).toBe(status);
    expect(said(answer)).toEqual({
      "access-control-allow-origin": named,
      "access-control-expose-headers": expect.any(String) as string,
      vary: "Origin",
    });
    expect(list(answer, "Access-Control-Expose-Headers")).toEqual(
      expect.arrayContaining(["X-Request-Id", "Retry-After", "WWW-Authenticate", "MCP-Protocol-Version"]),
    );
  });

  test("may read why it called the server by a wrong name, and gets no further", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      // `fetch` sets Host by itself.
      const { port } = server.address() as AddressInfo;
      const headers = { Host: "evil.example", Origin: named, "Access-Control-Request-Method": "PUT" };
      const sent = request({ port, host: "127.0.0.1", path: "/v1/jobs", method, headers }).end();
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      answer.resume();
      expect(answer.statusCode).toBe(403);
      expect(answer.headers["access-control-allow-origin"]).toBe(named);
      expect(answer.headers["access-control-allow-methods"]).toBeUndefined();
    }
  });

  test("that asks for OPTIONS itself is left to who answers it", async () => {
    const answer = await ask("/v1/jobs", { Origin: named }, "OPTIONS");
    expect([answer.status, await answer.text()]).toEqual([200, "/v1/jobs"]);
  });
});

describe("a page of another origin", () => {
  test.each([
    "https://evil.example",
    "null",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "https://sub.app.example",
    "https://app.example/",
    "HTTPS://APP.EXAMPLE",
    "https://app.example, https://evil.example",
  ])("%s is refused, and may read nothing", async (origin) => {
    for (const answer of [
      await preflight("/v1/jobs", { Origin: origin }),
      await ask("/v1/jobs", { Origin: origin }),
    ]) {
      expect(answer.status).toBe(403);
      expect(said(answer)).toEqual({ vary: "Origin" });
      expect(await answer.json()).toMatchObject({
        hint: expect.stringContaining("SCHEDULER_ALLOWED_ORIGINS"),
      });
    }
  });

  test("on this machine is let in as before, and may read nothing", async () => {
    const origin = "http://localhost:9999";
    const answer = await ask("/v1/jobs", { Origin: origin });
    expect([answer.status, said(answer)]).toEqual([200, { vary: "Origin" }]);
    const asked = await preflight("/v1/jobs", { Origin: origin });
    expect(said(asked)).toEqual({ vary: "Origin" });
  });
});

test("a program sends no origin, and hears of none", async () => {
  expect(said(await ask("/v1/jobs", {}))).toEqual({ vary: "Origin" });
});
