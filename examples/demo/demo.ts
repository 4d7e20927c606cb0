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
  status: string;
  attempts: { status: string }[];
}

/** A cron that is due later than this is run by hand: the demo is short. */
const waitForCronMs = 8000;
const expected = {
  flaky: ["http_error", "http_error", "succeeded"],
  delayed: ["succeeded"],
  cron: ["succeeded"],
};

async function demo(signal: AbortSignal): Promise<void> {
  const begun = Date.now();
  await using server = await startServer(signal);
  await using tools = await connect(server);
  console.log(`\nA scheduler on a database of its own, ready after ${seconds(Date.now() - begun)}.`);
  console.log("An MCP client makes three jobs:\n");

  const first = Date.now();
  const hits: Hit[] = [];
  await using target = await startTarget((hit) => {
    hits.push(hit);
    console.log(timelineRow(hit, first));
  });
  const flaky = await tools.call<Job>("create_job", {
    name: "flaky",
    url: `${target.url}/flaky`,
    method: "POST",
    body: { order: 42 },
    // A moment away, so that the table below has its head first.
    when: "1s",
    retry: { max_attempts: 5, strategy: "fixed", base_seconds: retryAfterMs / 1000, jitter: false },
  });
  const delayed = await tools.call<Job>("create_job", {
    name: "delayed",
    url: `${target.url}/delayed`,
    when: "3s",
  });
  const cron = await tools.call<Job>("create_job", {
    name: "cron",
    url: `${target.url}/cron`,
    cron: "* * * * *",
  });
  const untilCron = Date.parse(cron.next_run_at) - Date.now();
  const byHand = untilCron > waitForCronMs;
  console.log(
    `  flaky    in 1s; its target fails twice, so it is retried after ${seconds(retryAfterMs)} each time`,
  );
  console.log(`  delayed  in 3s`);
  console.log(
    `  cron     * * * * *, in ${seconds(untilCron)}${byHand ? ": not to wait for that, run_job runs it once" : ""}\n`,
  );
  console.log(`  when     job      attempt  answer    late`);
  if (byHand) await tools.call("run_job", { job_id: cron.id });

  const jobs = { flaky, delayed, cron };
  for (const name of ["flaky", "delayed", "cron"] as const) {
    const { attempts } = await firstExecution(tools, jobs[name].id);
    const seen = attempts.map(({ status }) => status).join(", ");
    const wanted = expected[name].join(", ");
    if (seen !== wanted) throw new Error(`${name}: expected the attempts ${wanted}, but there were ${seen}`);
  }
  if (hits.some(({ at, due }) => at < due)) throw new Error("something fired before it was due");
  console.log(
    `\nAll as expected, and on record with every attempt. It took ${seconds(Date.now() - begun)}.\n`,
  );
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
const signal = AbortSignal.any([interruption.signal, AbortSignal.timeout(29_000)]);
try {
  await demo(signal);
} catch (error) {
  const { message } = (signal.aborted ? signal.reason : error) as Error;
  console.error(`\nThe demo ended early: ${message}`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
