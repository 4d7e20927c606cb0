import { type Client, createClient } from "@org/scheduler-client";
import { type Arrival, startTarget, type Target } from "@org/scheduler-core/testing";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ask, type Json } from "./ask.ts";
import { mcpLines } from "./connect-mcp.ts";

const server = inject("server");
const client = createClient(server);
let target: Target;
beforeAll(async () => void (target = await startTarget()));
afterAll(() => target.close());

/** The contract says 100 ms on an idle machine; the machines that run tests seldom are. */
const latestMs = 500;

const ways: [name: string, create: (job: Json) => Promise<Json>][] = [
  ["curl", async (job) => (await ask(`${server.url}/v1/jobs`, { token: server.token, body: job })).json],
  ...mcpLines.map(([name, connect]): (typeof ways)[number] => [
    name,
    async (job) => {
      await using mcp = await connect(server);
      return (await mcp.call("create_job", job)).json;
    },
  ]),
  [
    "the client package",
    (job) => client.createJob(job as Parameters<Client["createJob"]>[0]) as Promise<Json>,
  ],
];

async function firstArrival(path: string): Promise<Arrival> {
  for (let seen = 0; ;) {
    const arrival = target.arrivals.find((one) => one.path === path);
    if (arrival) return arrival;
    seen = target.arrivals.length;
    await target.arrived(seen + 1);
  }
}

test.each(ways)("a job created by %s fires at its instant", async (name, create) => {
  const path = `/${encodeURIComponent(name)}`;
  const job = { name, url: target.url + path, method: "POST", body: { hello: name }, when: "1s" };
  const created = await create(job);
  expect(created).toMatchObject({ name, state: "active", kind: "scheduled" });
  const due = created["next_run_at"] as string;

  const arrival = await firstArrival(path);
  const lateMs = arrival.at - Date.parse(due);
  console.log(`by ${name}: ${lateMs} ms after its instant`);
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expect(lateMs).toBeLessThan(latestMs);
  expect(arrival).toMatchObject({ method: "POST", body: JSON.stringify({ hello: name }) });

  const [row] = (await client.listExecutions({ job_id: created["id"] as string })).data;
  expect(arrival.headers).toMatchObject({
    "idempotency-key": row!.id,
    "sched-delivery-id": row!.id,
    "sched-attempt": "1",
    "sched-timestamp": expect.stringMatching(/^\d{10}$/),
    "x-cron-service-job-id": created["id"],
    "x-cron-service-scheduled-for": due,
  });
});

test("its attempts are seen alike over REST, over MCP and by the client package", async () => {
  let left = 2;
  target.answer((_, response) => void response.writeHead(left-- > 0 ? 503 : 200).end("ok"));
  const retry = { max_attempts: 3, strategy: "fixed", base_seconds: 0.2, jitter: false } as const;
  const job = await client.createJob({ name: "third time lucky", url: `${target.url}/lucky`, retry });
  await firstArrival("/lucky");
  const [row] = (await client.listExecutions({ job_id: job.id })).data;
  const execution_id = row!.id;
  const byClient = await client.waitForExecution({ execution_id });
  expect(byClient).toMatchObject({
    status: "succeeded",
    attempt_count: 3,
    attempts: [
      { number: 1, status: "http_error", status_code: 503, error_code: "status" },
      { number: 2, status: "http_error", status_code: 503 },
      { number: 3, status: "succeeded", status_code: 200, response_body: "ok" },
    ],
  });
  const keys = target.arrivals.filter(({ path }) => path === "/lucky").map(({ headers }) => headers);
  expect(keys.map((headers) => [headers["idempotency-key"], headers["sched-attempt"]])).toEqual(
    ["1", "2", "3"].map((attempt) => [execution_id, attempt]),
  );

  const { token, url } = server;
  expect((await ask(`${url}/v1/executions/${execution_id}`, { token })).json).toEqual(byClient);
  for (const [, connect] of mcpLines) {
    await using mcp = await connect(server);
    const detailed = { execution_id, response_format: "detailed" };
    expect((await mcp.call("get_execution", detailed)).json).toMatchObject({
      attempts: [{ number: 1 }, { number: 2 }, { number: 3, response_body: "ok" }],
    });
  }
});
