import { afterAll, beforeAll, expect, test } from "vitest";
import { testBench } from "../../testing/bench.ts";
import { createScheduler, type Scheduler } from "../../scheduler.ts";

const { setup, run } = testBench();
const servers: Scheduler[] = [];

beforeAll(async () => {
  for (let index = 0; index < 3; index++)
    servers.push(await createScheduler({ databaseUrl: setup.databaseUrl }));
});

afterAll(() => Promise.all(servers.map((server) => server.close())));

test(
  "of 1,000 calls at once with one token, on three servers, a rule of ten lets ten through",
  { timeout: 60_000 },
  async () => {
    // Not a minute of the calendar, which might end meanwhile.
    await run("put_policy", {
      policy: "tools: {list_queues: {rules: [{rate_limit: {max: 10, window: 600}}]}}",
    });
    const { token } = await run("create_token", { name: "busy", kind: "service" });
    const callers = await Promise.all(servers.map((server) => server.authenticate(token)));
    const calls = Array.from({ length: 1000 }, (_, index) =>
      servers[index % 3]!.execute("list_queues", {}, callers[index % 3]),
    );
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    const codes = settled.flatMap((one) =>
      one.status === "rejected" ? [(one.reason as { code: string }).code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(["policy_denied"]));
  },
);
