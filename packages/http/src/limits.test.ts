import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { SchedulerError } from "@org/scheduler-contract";
import { createLimiter } from "./limits.ts";
import { answerProblem } from "./problem.ts";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function serve(limits: { perToken?: number; perAgent?: number; perAddress?: number }) {
  const limiter = createLimiter({ perToken: 1000, perAgent: 1000, perAddress: 1000, ...limits });
  let looks = 0;
  const authenticate = async (token: string | undefined): Promise<string> => {
    looks++;
    if (token?.startsWith("cron_")) return token;
    throw new SchedulerError("unauthenticated", "This token is unknown.", { hint: "Send another one." });
  };
  const server = createServer((request, response) => {
    const admitted =
      request.url === "/open"
        ? limiter.admitAnybody(request, response)
        : limiter.admit(request, response, authenticate);
    admitted.then(
      () => response.end("ok"),
      (error: unknown) => answerProblem(request, response, error),
    );
  });
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    looks: () => looks,
    ask: (token?: string, path = "/") =>
      fetch(url + path, { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } }),
  };
}

test("a token has so many requests a minute, and hears how many are left", async () => {
  const { ask } = await serve({ perToken: 2, perAgent: 1 });
  const first = await ask("cron_pat_a");
  expect(first.status).toBe(200);
  expect(first.headers.get("RateLimit-Policy")).toBe('"token";q=2;w=60');
  expect(first.headers.get("RateLimit")).toMatch(/^"token";r=1;t=(59|60)$/);
  await ask("cron_pat_a");
  const limited = await ask("cron_pat_a");
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get("Retry-After"))).toBeGreaterThan(50);
  expect(limited.headers.get("RateLimit")).toMatch(/^"token";r=0;/);
  expect(await limited.json()).toMatchObject({ code: "rate_limited" });
  expect((await ask("cron_pat_b")).status).toBe(200);
  expect([(await ask("cron_agt_a")).status, (await ask("cron_agt_a")).status]).toEqual([200, 429]);
});

test("who guesses tokens is held back before they are looked at, and nobody who is known with them", async () => {
  const { ask, looks } = await serve({ perAddress: 3 });
  expect((await ask("cron_pat_known")).status).toBe(200);
  const guesses = [];
  for (let guess = 0; guess < 6; guess++) guesses.push((await ask(`guess${guess}`)).status);
  expect(guesses).toEqual([401, 401, 401, 429, 429, 429]);
  expect(looks()).toBe(4);
  expect((await ask()).status).toBe(429);
  expect((await ask("cron_pat_known")).status).toBe(200);
});

test("what needs no token is counted by its address", async () => {
  const { ask } = await serve({ perAddress: 1 });
  expect((await ask(undefined, "/open")).status).toBe(200);
  expect((await ask(undefined, "/open")).status).toBe(429);
});
