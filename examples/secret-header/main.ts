import assert from "node:assert/strict";
import { createClient } from "@org/scheduler-client";
import { listen } from "../listen.ts";

// A credential is stored once, encrypted, and named wherever it is needed: the target gets it, no record has it, not even
// where the target sends it back.

const { SCHEDULER_API_URL: url = "http://127.0.0.1:7070", SCHEDULER_API_TOKEN: token = "" } = process.env;
const scheduler = createClient({ url, token });
const apiKey = `sk-example-${Math.random().toString(36).slice(2)}`;

const arrived: (string | undefined)[] = [];
await using target = await listen((request, response) => {
  arrived.push(request.headers.authorization);
  response.end(JSON.stringify({ you_sent: request.headers.authorization }));
});

const secret = await scheduler.createSecret({ name: "example-api-key", value: apiKey, replace: true });
const job = await scheduler.createJob({
  name: "process payments",
  url: target.url,
  headers: { Authorization: "Bearer secret://example-api-key" },
});
try {
  const { status, attempts } = await scheduler.getExecution({
    execution_id: job.execution_id!,
    wait_seconds: 20,
  });
  console.log(`The target got the key: ${arrived[0] === `Bearer ${apiKey}`}`);
  console.log(`The job shows: ${JSON.stringify(job.headers)}`);
  console.log(`The record of the answer shows: ${attempts[0]!.response_body}`);
  assert.equal(status, "succeeded");
  assert.deepEqual(arrived, [`Bearer ${apiKey}`]);
  assert.deepEqual(job.headers, { Authorization: "Bearer secret://example-api-key" });
  assert.equal(attempts[0]!.response_body, '{"you_sent":"Bearer [secret:example-api-key]"}');
  await assert.rejects(
    scheduler.createJob({ name: "leaky", url: `${target.url}/?key=secret://example-api-key` }),
    /URL/,
  );
} finally {
  await scheduler.deleteJob({ job_id: job.id });
  await scheduler.deleteSecret({ secret_id: secret.id, force: true });
}
