import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Tools } from "./connect.ts";
import { startServer } from "./start-server.ts";
import { type Hit, retryAfterMs, startTarget } from "./target.ts";

interface Job {
  id: string;
  next_run_at: string;
}
interface Execution {
  id: string;
  attempts: { status: string }[];
}

/** What became of each job's attempts when all went well. */
const expected = {
  flaky: ["http_error", "http_error", "succeeded"],
  delayed: ["succeeded"],
  cron: ["succeeded"],
};
type Name = keyof typeof expected;

/** A cron that is due later than this after the demo began is run by hand. */
const patienceMs = 15_000;

async function demo(signal: AbortSignal): Promise<void> {
  const begun = Date.now();
  await using server = await startServer(signal);
  await using tools = await connect(server);
  console.log(`\nA scheduler on a database of its own, ready after ${seconds(Date.now() - begun)}.`);

  const first = Date.now();
  const hits: Hit[] = [];
  await using target = await startTarget((hit) => {
    hits.push(hit);
    console.log(timelineRow(hit, first));
  });
  const jobs = await createJobs(tools, target.url);
  const cronAt = Date.parse(jobs.cron.next_run_at);
  const byHand = cronAt > begun + patienceMs;
  console.log(`An MCP client has made three jobs:

  delayed  in 3s
  cron     * * * * *, in ${seconds(cronAt - Date.now())}${byHand ? ": not to wait for that, run_job runs it once" : ""}
  flaky    in 1s; its target fails twice, so it is retried after ${seconds(retryAfterMs)} each time

  when     job      attempt  answer    late`);
  if (byHand) await tools.call("run_job", { job_id: jobs.cron.id });

  for (const name of Object.keys(expected) as Name[]) {
    const { attempts } = await firstExecution(tools, jobs[name].id);
    const seen = attempts.map(({ status }) => status).join(", ");
    const wanted = expected[name].join(", ");
    if (seen !== wanted) throw new Error(`the attempts of ${name} were to be ${wanted}, but were ${seen}`);
  }
  if (hits.some(({ at, due }) => at < due)) throw new Error("something fired before it was due");
  const took = seconds(Date.now() - begun);
  console.log(`\nAll as expected, and on record with every attempt. It took ${took}.\n`);
}

/** The flaky one comes last: it is due so soon that its first row would stand above the table. */
async function createJobs(tools: Tools, url: string): Promise<Record<Name, Job>> {
  const create = (name: Name, job: object) =>
    tools.call<Job>("create_job", { name, url: `${url}/${name}`, ...job });
  const delayed = await create("delayed", { when: "3s" });
  const cron = await create("cron", { cron: "* * * * *" });
  const retry = { max_attempts: 5, strategy: "fixed", base_seconds: retryAfterMs / 1000, jitter: false };
  const flaky = await create("flaky", { when: "1s", method: "POST", body: { order: 42 }, retry });
  return { flaky, delayed, cron };
}

/** The first execution of a job, once it is over. */
async function firstExecution(tools: Tools, job_id: string): Promise<Execution> {
  for (;;) {
    const { data } = await tools.call<{ data: Execution[] }>("list_executions", { job_id });
    const execution = data.at(-1);
    if (execution) return tools.call("wait_for_execution", { execution_id: execution.id });
    await sleep(200);
  }
}

function timelineRow({ job, attempt, status, at, due }: Hit, first: number): string {
  const columns = [`+${seconds(at - first)}`.padEnd(9), job.padEnd(9), String(attempt).padEnd(9)];
  return `  ${columns.join("")}${String(status).padEnd(7)}${`${at - due} ms`.padStart(7)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => interruption.abort(new Error("interrupted")));
}
const signal = AbortSignal.any([interruption.signal, AbortSignal.timeout(60_000)]);
try {
  await demo(signal);
} catch (error) {
  const { message } = (signal.aborted ? signal.reason : error) as Error;
  console.error(`\nThe demo ended early: ${message}`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
