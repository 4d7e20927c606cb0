import assert from "node:assert/strict";
import { createClient } from "@org/scheduler-client";

// An agent gets a key that may call one host alone, hourly at most. Whatever it is talked into asking for: what goes beyond
// that is refused, the agent is told why, and its people see it in the audit.

const { SCHEDULER_API_URL: url = "http://127.0.0.1:7070", SCHEDULER_API_TOKEN: token = "" } = process.env;
const people = createClient({ url, token });

const key = await people.createToken({
  name: "example key",
  kind: "agent",
  agent: "example-researcher",
  bounds: { hosts: ["api.example.com"], min_interval_seconds: 3600, max_jobs: 5 },
});
const agent = createClient({ url, token: key.token });

/** What the agent is told that asks for too much. */
async function refusal(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => assert.fail("it was not refused"),
    (thrown: unknown) => thrown as { code: string; message: string },
  );
  assert.equal(error.code, "bound_exceeded");
  return error.message;
}

try {
  const elsewhere = { name: "steal", url: "https://evil.example/upload", cron: "0 * * * *" };
  console.log(`Another host: ${await refusal(agent.createJob(elsewhere))}`);
  const often = { name: "hammer", url: "https://api.example.com/sync", cron: "*/5 * * * *" };
  console.log(`Too often: ${await refusal(agent.createJob(often))}`);

  const job = await agent.createJob({ ...often, name: "sync", cron: "0 * * * *" });
  console.log(`Within its bounds: ${job.schedule_description}, until ${job.end_at}`);
  assert.ok(job.end_at, "what recurs comes to an end");
  const me = await agent.getMe();
  console.log(`Left to the agent: ${JSON.stringify(me.left)}`);
  assert.deepEqual(me.left, { jobs: 4 });

  const { data } = await people.listAudit({ token_id: key.id, outcome: "refused" });
  const tried = data.map(({ caller, operation, rule }) => `${caller} ${operation} ${rule}`).toSorted();
  console.log(`In the audit: ${tried.join("; ")}`);
  assert.deepEqual(tried, [
    "agent:example-researcher create_job bounds.hosts",
    "agent:example-researcher create_job bounds.min_interval_seconds",
  ]);
} finally {
  const { jobs } = await people.deleteToken({ token_id: key.id, jobs: "cancel" });
  console.log(`The key is gone, and so are its jobs: ${jobs.count} ${jobs.became}`);
}
