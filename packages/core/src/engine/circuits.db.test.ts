import { sql } from "kysely";
import { expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";
import type { Answerer } from "../testing/index.ts";
import { createCircuits } from "../sending/circuits.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create, createJobs } = testBench({ clock });

const hangUp: Answerer = (_arrival, _response, request) => void request.socket.destroy();

async function executionOf({ id: job_id }: { id: string }) {
  const { data } = await run("list_executions", { job_id });
  return run("get_execution", { execution_id: data[0]!.id });
}

test("requests to a host that does not answer are held back, recorded, and sent after its next answer", async () => {
  const circuits = createCircuits();
  const pass = (at?: string) => drain(setup.scheduler, clock, at, circuits);
  const retry = { strategy: "fixed", base_seconds: 300, jitter: false } as const;
  target.answer(hangUp);
  await createJobs(10, { retry });
  await pass();
  expect(target.arrivals).toHaveLength(10);

  const job = await create({ retry: { ...retry, base_seconds: 0.5 } });
  await pass("2026-03-01T12:00:00.250Z");
  expect(target.arrivals).toHaveLength(10);
  const heldBack = {
    status: "connection_error",
    error_code: "circuit_open",
    error: expect.stringMatching(
      /^127\.0\.0\.1:\d+ has not answered the last 10 requests; the next probe is at 2026-03-01T12:00:01\.\d{3}Z\.$/,
    ) as string,
    status_code: null,
    latency_ms: 0,
  };
  const execution = await executionOf(job);
  expect(execution).toMatchObject({
    status: "retrying",
    attempt_count: 1,
    error: { code: "circuit_open" },
    attempts: [heldBack],
  });
  // Its policy says after half a second; the probe is later.
  expect(execution.next_attempt_at! >= "2026-03-01T12:00:01").toBe(true);

  target.answer(200);
  await pass("2026-03-01T12:00:02Z");
  expect(await executionOf(job)).toMatchObject({
    status: "succeeded",
    attempts: [heldBack, { status: "succeeded" }],
  });
  expect(circuits.open()).toEqual([]);
});

test("the delay of the policy holds where it is longer than the time to the probe", async () => {
  const circuits = createCircuits();
  const pass = () => drain(setup.scheduler, clock, undefined, circuits);
  target.answer(hangUp);
  const retry = { strategy: "fixed", base_seconds: 300, jitter: false, max_attempts: 2 } as const;
  await createJobs(10, { retry });
  await pass();
  const job = await create({ retry });
  await pass();
  expect(await executionOf(job)).toMatchObject({
    next_attempt_at: "2026-03-01T12:05:00.000Z",
    error: { code: "circuit_open" },
  });
  clock.set("2026-03-01T12:05:00Z");
  await pass();
  const { data } = await run("list_executions", { limit: 100 });
  expect(data.map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => "failed"));
});

test("explain_job tells its own scope of a host that does not answer, as long as a worker that lives knows of it", async () => {
  const { db } = setup.scheduler.engine.database;
  const job = await create({ when: "in 1h" });
  const theirs = await run(
    "create_job",
    { name: "theirs", url: target.url, when: "in 1h" },
    setup.testCaller,
  );
  const { rows } = await sql<{ id: string }>`
    insert into scheduler.workers (id, host, pid, slots) values (gen_random_uuid(), 'here', 1, 10) returning id`.execute(
    db,
  );
  const [{ id: worker }] = rows as [{ id: string }];
  await sql`
    insert into scheduler.open_circuits (scope_id, host, worker_id, opened_at, probe_at, failures)
    values (${setup.caller.scopeId}, ${new URL(target.url).host}, ${worker}, '2026-03-01T11:59:00Z', '2026-03-01T12:00:20Z', 12)`.execute(
    db,
  );
  const { host } = new URL(target.url);
  expect(await run("explain_job", { job_id: job.id })).toMatchObject({
    verdict: "not_due",
    explanation: expect.stringContaining(
      `${host} has not answered the last 12 requests: requests to it are held back, ` +
        "the next probe is at 2026-03-01T12:00:20.000Z.",
    ) as string,
    advice: expect.stringContaining(`See that ${host} is up`) as string,
  });
  const silent = expect.not.stringContaining("probe") as string;
  expect(await run("explain_job", { job_id: theirs.id }, setup.testCaller)).toMatchObject({
    explanation: silent,
  });

  await sql`update scheduler.workers set heartbeat_at = now() - interval '16 seconds'`.execute(db);
  expect(await run("explain_job", { job_id: job.id })).toMatchObject({ explanation: silent });
  await sql`delete from scheduler.workers`.execute(db);
  const left = await sql`select from scheduler.open_circuits`.execute(db);
  expect(left.rows).toEqual([]);
});
