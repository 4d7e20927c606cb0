import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@org/scheduler-client";
import { listen } from "../listen.ts";

// A cron whose target breaks and is mended: one alert and one recovery in Slack, however often it failed. Slack's incoming
// webhook is a server here that keeps what it is sent; give SLACK_WEBHOOK_URL to see the messages in Slack itself.

const {
  SCHEDULER_API_URL: url = "http://127.0.0.1:7070",
  SCHEDULER_API_TOKEN: token = "",
  SLACK_WEBHOOK_URL,
} = process.env;
const scheduler = createClient({ url, token });

const messages: string[] = [];
await using slack = await listen(async (request, response) => {
  const { text: said } = JSON.parse(await text(request)) as { text: string };
  messages.push(said);
  response.end("ok");
});
let broken = false;
await using target = await listen((_, response) => {
  response.writeHead(broken ? 503 : 200).end(broken ? "database is down" : "fine");
});

const channel = await scheduler.createChannel({
  name: "ops-alerts",
  type: "slack",
  url: SLACK_WEBHOOK_URL ?? `${slack.url}/services/T000/B000/XXXX`,
});
const job = await scheduler.createJob({
  name: "sync orders",
  url: target.url,
  cron: "*/5 * * * *",
  retry: { max_attempts: 1 },
  alert_threshold: 2,
  alert_channel_id: channel.id,
});
try {
  // Its slots come every five minutes; here it is run by hand.
  const states: string[] = [];
  for (const isBroken of [false, true, true, true, false, false]) {
    broken = isBroken;
    const { id } = await scheduler.runJob({ job_id: job.id });
    states.push((await scheduler.getExecution({ execution_id: id, wait_seconds: 20 })).status);
  }
  console.log(`The job ran: ${states.join(", ")}.`);
  assert.deepEqual(states, ["succeeded", "failed", "failed", "failed", "succeeded", "succeeded"]);
  for (let looks = 0; looks < 100 && messages.length < 2; looks++) await sleep(100);
  console.log(messages.map((message) => `\n${message}`).join("\n"));
  if (SLACK_WEBHOOK_URL === undefined) {
    assert.equal(messages.length, 2);
    assert.match(messages[0]!, /“sync orders” failed 2 times in a row[\s\S]*database is down/);
    assert.match(messages[1]!, /“sync orders” works again[\s\S]*3 failures in a row/);
  }
  console.log("\nOne alert, one recovery.");
} finally {
  await scheduler.deleteJob({ job_id: job.id });
  await scheduler.deleteChannel({ channel_id: channel.id });
}
