import { createScheduler, createLog } from "@org/scheduler-core";
import { startPostgres } from "@org/scheduler-core/testing";
import pg from "pg";
import { startBenchTarget } from "./harness/target.ts";
const N = Number(process.argv[2] ?? 20000);
const side = process.argv[3] ?? "ours";
const server = await startPostgres({ durable: true });
const target = await startBenchTarget();
const c = new pg.Client({ connectionString: server.url }); await c.connect();
if (side === "ours") {
  const s = await createScheduler({ databaseUrl: server.url, allowedTargets: ["127.0.0.0/8"], log: createLog("info") });
  const { token } = await s.bootstrap({ adminEmail: "a@b", adminPassword: "xxxxxxxx", token: undefined });
  const caller = await s.authenticate(token);
  await c.query(`insert into scheduler.revisions (scope_id, id, job_id, method, url, headers, body, timeout_seconds, success_statuses, retry)
    select 1, gen_random_uuid(), gen_random_uuid(), 'GET', $1, '{}', null, 30, '["2xx"]', '{"max_attempts":8,"strategy":"exponential","base_seconds":5,"factor":2,"max_seconds":3600,"delays_seconds":[],"jitter":true,"retry_on_statuses":[408,"5xx"]}' from generate_series(1,$2::int)`, [target.url + "/", N]);
  await c.query(`insert into scheduler.jobs (scope_id, id, revision_id, name, state, kind, run_at, timezone, metadata, next_run_at, created_by, created_at, updated_at)
    select 1, job_id, id, 'x', 'active', 'one_time', now(), 'UTC', '{}', now(), 'x', now(), now() from scheduler.revisions`);
  await c.query("analyze scheduler.jobs; analyze scheduler.revisions");
  await target.reset({ expected: N });
  const w = s.createWorker({ concurrency: 100 });
  const t = performance.now();
  const cpu0 = process.cpuUsage();
  await w.start();
  await target.arrived();
  const ms = performance.now() - t;
  const cpu = process.cpuUsage(cpu0);
  console.log(`ours ${N} in ${ms.toFixed(0)} ms = ${(N / ms * 1000).toFixed(0)}/s; cpu per exec ${((cpu.user + cpu.system) / N).toFixed(1)} us`);
  await s.close();
  const r = await c.query("select status, count(*) from scheduler.executions group by 1");
  console.log(r.rows, (await c.query("select state, count(*) from scheduler.jobs group by 1")).rows, (await c.query("select count(*) from scheduler.attempts")).rows);
} else {
  const { PgBoss } = await import("pg-boss");
  const { Agent, request } = await import("undici");
  const boss = new PgBoss({ connectionString: server.url, max: 10, supervise: false, schedule: false });
  await boss.start(); await boss.createQueue("q");
  const agent = new Agent({ connections: 100 });
  await target.reset({ expected: N });
  const t = performance.now();
  const jobs = Array.from({ length: N }, () => ({ data: { url: target.url + "/" } }));
  for (let i = 0; i < N; i += 1000) await boss.insert("q", jobs.slice(i, i + 1000));
  const t2 = performance.now();
  const conc = Number(process.argv[4] ?? 1), batch = Number(process.argv[5] ?? 100);
  await boss.work("q", { batchSize: batch, localConcurrency: conc, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true } as any, async (batch: any[]) => {
    await Promise.all(batch.map(async (j) => { const r = await request(j.data.url, { dispatcher: agent }); await r.body.dump(); }));
  });
  await target.arrived();
  const ms = performance.now() - t;
  console.log(`pg-boss ${N} in ${ms.toFixed(0)} ms = ${(N / ms * 1000).toFixed(0)}/s (insert ${(t2 - t).toFixed(0)} ms)`);
  await boss.stop({ graceful: false });
}
await c.end(); target.stop(); await server[Symbol.asyncDispose](); process.exit(0);
