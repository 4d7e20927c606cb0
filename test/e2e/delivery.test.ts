import { createClient, verifySignature } from "@org/scheduler-client";
import { type Arrival, startTarget, type Target } from "@org/scheduler-core/testing";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { ask, type Json } from "./ask.ts";
import { mcpLines } from "./connect-mcp.ts";
import { expectToolError, expectProblemAnswer } from "./problem.ts";

// What a receiver and an operator can rely on, as they see it: REST, MCP, and what arrives.

const server = inject("server");
const client = createClient(server);
let target: Target;
beforeAll(async () => void (target = await startTarget()));
beforeEach(() => {
  target.arrivals.length = 0;
  target.answer(200);
});
afterAll(() => target.close());

const rest = (path: string, body?: Json, method?: string) =>
  ask(`${server.url}/v1/${path}`, {
    token: server.token,
    ...(body && { body }),
    ...(method !== undefined && { method }),
  });

async function finished(job_id: string): Promise<Awaited<ReturnType<typeof client.getExecution>>> {
  await expect.poll(async () => (await client.listExecutions({ job_id })).data.length).toBeGreaterThan(0);
  const [row] = (await client.listExecutions({ job_id })).data;
  return client.waitForExecution({ execution_id: row!.id });
}

test("a queue is made, limited, paused and resumed over REST and MCP alike", async () => {
  for (const [index, [, connect]] of mcpLines.entries()) {
    await using mcp = await connect(server);
    const name = `lane-${index}`;
    const limited = await mcp.call("update_queue", { name, concurrency: 1, paused: true });
    expect(limited.json).toMatchObject({ name, concurrency: 1, paused: true });
    const job = await client.createJob({ name, url: `${target.url}/${name}`, queue: name });
    await expect
      .poll(async () => (await client.explainJob({ job_id: job.id })).explanation)
      .toContain("is paused");
    expect((await rest("queues")).json["data"]).toContainEqual(
      expect.objectContaining({ name, waiting: 1, running: 0 }),
    );
    expect(target.arrivals.filter(({ path }) => path === `/${name}`)).toEqual([]);
    expect((await rest(`queues/${name}/resume`, undefined, "POST")).json).toMatchObject({ paused: false });
    expect(await finished(job.id)).toMatchObject({ status: "succeeded", queue: name });
    expectToolError((await mcp.call("update_queue", { name, concurrency: 0 })).json, {
      status: 422,
      code: "invalid_input",
      field: "concurrency",
    });
  }
});

test("an answer counts when what the job asserts holds, and 410 ends all attempts", async () => {
  target.answer(({ path }, response) => {
    const status = path === "/gone" ? 410 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end('{"state": "busy"}');
  });
  const assertions = [{ type: "json_path_equals", path: "$.state", value: "done" }] as const;
  const retry = { max_attempts: 2, strategy: "fixed", base_seconds: 0.1, jitter: false } as const;
  const busy = await client.createJob({
    name: "busy",
    url: `${target.url}/busy`,
    assertions: [...assertions],
    retry,
  });
  expect(await finished(busy.id)).toMatchObject({
    status: "failed",
    attempts: [{ error_code: "assertion", status_code: 200 }, { error_code: "assertion" }],
  });
  const gone = await client.createJob({ name: "gone", url: `${target.url}/gone` });
  expect(await finished(gone.id)).toMatchObject({ status: "failed", reason: "terminal", attempt_count: 1 });
});

test("a redirect is followed only where the job says so, and never to a forbidden address", async () => {
  target.answer(({ path }, response) => {
    const location = { "/here": "/there", "/inside": "http://169.254.169.254/latest/meta-data" }[path];
    response.writeHead(location === undefined ? 200 : 302, location === undefined ? {} : { location }).end();
  });
  const retry = { max_attempts: 1 };
  const job = { name: "redirected", url: `${target.url}/here`, retry };
  expect(await finished((await client.createJob(job)).id)).toMatchObject({
    status: "failed",
    status_code: 302,
  });
  const following = { ...job, follow_redirects: true };
  expect(await finished((await client.createJob(following)).id)).toMatchObject({ status: "succeeded" });
  const inside = { ...following, url: `${target.url}/inside` };
  expect(await finished((await client.createJob(inside)).id)).toMatchObject({
    status: "failed",
    error: { code: "address_blocked" },
  });
});

test("requests and callbacks are signed so that the client package can tell", async () => {
  const { id, secret } = (await rest("signing-secrets", {})).json as { id: string; secret: string };
  try {
    const url = `${target.url}/signed?a=b`;
    const job = {
      name: "signed",
      url,
      method: "POST",
      body: { n: 1 },
      callback_url: `${target.url}/done`,
    } as const;
    const { id: job_id } = await client.createJob(job);
    const execution = await finished(job_id);
    await target.arrived(2);
    const deliveries = target.arrivals.map((arrival) => verifySignature(arrival, secret));
    expect(deliveries[0]).toMatchObject({ deliveryId: execution.id, attempt: 1 });
    const callback = target.arrivals[1]! as Arrival;
    expect(callback).toMatchObject({ path: "/done", method: "POST" });
    expect(JSON.parse(callback.body)).toMatchObject({
      type: "execution.finished",
      job: { id: job_id, name: "signed" },
      execution: { id: execution.id, status: "succeeded" },
    });
    const { data } = (await rest(`deliveries?job_id=${job_id}`)).json as { data: Json[] };
    expect(data).toMatchObject([{ id: deliveries[1]!.deliveryId }]);
  } finally {
    await rest(`signing-secrets/${id}`, undefined, "DELETE");
  }
});

test("dead letters are found, counted, replayed many at a time, and purged", async () => {
  target.answer(500);
  const retry = { max_attempts: 1 };
  const { data: jobs } = await client.createJobs({
    jobs: [1, 2, 3].map((n) => ({ name: `letter ${n}`, url: `${target.url}/${n}`, queue: "letters", retry })),
  });
  for (const { id } of jobs) expect(await finished(id)).toMatchObject({ status: "failed" });
  const found = (await rest("executions?status=failed&queue=letters&error_code=status")).json;
  expect(found["data"]).toHaveLength(3);

  const filter = { queue: "letters" };
  expect((await rest("executions/replay", { ...filter, dry_run: true })).json).toMatchObject({
    matched: 3,
    replayed: 0,
  });
  expect(target.arrivals).toHaveLength(3);
  target.answer(200);
  await client.deleteJob({ job_id: jobs[0]!.id });
  const replay = await rest("executions/replay", { ...filter, per_second: 100 });
  expect(replay).toMatchObject({ status: 201, json: { matched: 3, replayed: 3, remaining: 0 } });
  await expect
    .poll(async () => (await rest(`replays/${replay.json["id"] as string}`)).json, { timeout: 5000 })
    .toMatchObject({ done: 3, total: 3, executions: { succeeded: 3 } });
  expect(
    target.arrivals
      .slice(3)
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(["/1", "/2", "/3"]);
  // Asked once more, it finds nothing that was not replayed.
  expect((await rest("executions/replay", filter)).json).toMatchObject({ matched: 0, replayed: 0 });
  expect((await rest("executions/purge", filter)).json).toMatchObject({ purged: 3, remaining: 0 });
  expect((await rest("executions?status=failed&queue=letters")).json["data"]).toEqual([]);
  expectProblemAnswer(await rest("executions/replay", {}), {
    status: 422,
    code: "invalid_input",
    field: "all",
  });
});

test("an execution is canceled while its request is under way", async () => {
  target.answer(() => {});
  const { id: job_id } = await client.createJob({ name: "hangs", url: `${target.url}/hangs` });
  await target.arrived(1);
  const [row] = (await client.listExecutions({ job_id })).data;
  const begun = performance.now();
  await client.cancelExecution({ execution_id: row!.id });
  const execution = await client.waitForExecution({ execution_id: row!.id, wait_seconds: 5 });
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(execution).toMatchObject({ status: "canceled", attempts: [{ status: "canceled" }] });
  expect(await client.cancelExecution({ execution_id: row!.id })).toMatchObject({ status: "canceled" });
});

test("a request that is sent again with its key is answered as before and done once", async () => {
  const headers = { "Idempotency-Key": "order-1234" };
  const body = { name: "once", url: `${target.url}/once` };
  const create = (given: Json) => ask(`${server.url}/v1/jobs`, { token: server.token, headers, body: given });
  const first = await create(body);
  const again = await create(body);
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(again.json).toEqual(first.json);
  expect([first, again].map((answer) => answer.headers.get("Idempotent-Replayed"))).toEqual([null, "true"]);
  for (const [, connect] of mcpLines) {
    await using mcp = await connect(server);
    const { json } = await mcp.call("create_job", { ...body, idempotency_key: "order-1234" });
    expect(json["id"]).toBe(first.json["id"]);
  }
  const expected = { status: 409, code: "idempotency_key_reuse", field: "idempotency_key" } as const;
  expectProblemAnswer(await create({ ...body, name: "twice" }), expected);
  await finished(first.json["id"] as string);
  expect(target.arrivals).toHaveLength(1);
});

test("a job is declared by its key as often as one likes, and its deletion is remembered", async () => {
  const path = "jobs/by-key/e2e-nightly";
  const body = { name: "nightly", url: `${target.url}/nightly`, cron: "0 9 * * *" };
  const made = await rest(path, body, "PUT");
  expect(made).toMatchObject({ status: 200, json: { key: "e2e-nightly", kind: "cron" } });
  expect((await rest(path, body, "PUT")).json).toEqual(made.json);
  const changed = await client.createJob({ ...body, key: "e2e-nightly", cron: "0 10 * * *" });
  expect(changed).toMatchObject({ id: made.json["id"], cron: "0 10 * * *" });
  expect((await rest("jobs?key=e2e-nightly")).json["data"]).toHaveLength(1);

  await client.deleteJob({ job_id: changed.id });
  const refused = await rest(path, body, "PUT");
  expectProblemAnswer(refused, { status: 409, code: "key_deleted", field: "key" });
  expect(refused.json["detail"]).toMatch(/deleted or canceled by user:\S+ at \d{4}-/);
  const revived = await rest(path, { ...body, revive: true }, "PUT");
  expect(revived.json["id"]).not.toBe(changed.id);
  await client.deleteJob({ job_id: revived.json["id"] as string });
});
