import { createScheduler, createLog } from "@org/scheduler-core";
import { startPostgres } from "@org/scheduler-core/testing";
import pg from "pg";
import { startBenchTarget } from "./harness/target.ts";
const N = Number(process.argv[2] ?? 20000);
const server = await startPostgres({ durable: true });
const target = await startBenchTarget();
const d = new pg.Client({ connectionString: server.url }); await d.connect();
const stats = new Map<string, {n:number, ms:number, max:number}>();
const orig = (pg.Client.prototype as any).query;
(pg.Client.prototype as any).query = function (...args: any[]) {
  const text = String(args[0]?.text ?? args[0]).replace(/\s+/g, " ").slice(0, 90);
  const t = performance.now();
  const r = orig.apply(this, args);
  const done = () => { const st = stats.get(text) ?? {n:0,ms:0,max:0}; st.n++; const x = performance.now()-t; st.ms += x; st.max=Math.max(st.max,x); stats.set(text, st); };
  if (r?.then) r.then(done, done);
  return r;
};
const s = await createScheduler({ databaseUrl: server.url, allowedTargets: ["127.0.0.0/8"], log: createLog("info") });
const { token } = await s.bootstrap({ adminEmail: "a@b", adminPassword: "xxxxxxxx", token: undefined });
await d.query(`insert into scheduler.revisions (scope_id, id, job_id, method, url, headers, body, timeout_seconds, success_statuses, retry)
    select 1, gen_random_uuid(), gen_random_uuid(), 'GET', $1, '{}', null, 30, '["2xx"]', '{"max_attempts":8,"strategy":"exponential","base_seconds":5,"factor":2,"max_seconds":3600,"delays_seconds":[],"jitter":true,"retry_on_statuses":[408,"5xx"]}' from generate_series(1,$2::int)`, [target.url + "/", N]);
await d.query(`insert into scheduler.jobs (scope_id, id, revision_id, name, state, kind, run_at, timezone, metadata, next_run_at, created_by, created_at, updated_at)
    select 1, job_id, id, 'x', 'active', 'one_time', now(), 'UTC', '{}', now(), 'x', now(), now() from scheduler.revisions`);
if (process.argv[3] === "analyze") await d.query("analyze scheduler.jobs; analyze scheduler.revisions");
stats.clear();
await target.reset({ expected: N });
const w = s.createWorker({ concurrency: 100 });
const t = performance.now();
await w.start();
await target.arrived();
const ms = performance.now() - t;
console.log(`ours ${N} in ${ms.toFixed(0)} ms = ${(N / ms * 1000).toFixed(0)}/s`);
await s.close();
for (const [q, st] of [...stats].sort((a,b)=>b[1].ms-a[1].ms).slice(0,14)) console.log(st.n, Math.round(st.ms), "avg", (st.ms/st.n).toFixed(2), "max", Math.round(st.max), q);
await d.end(); target.stop(); await server[Symbol.asyncDispose](); process.exit(0);
