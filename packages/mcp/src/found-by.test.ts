import { expect, it } from "vitest";
import { tools } from "./tools.ts";

// Clients that load tools only when they need them look them up by BM25 over name, description and arguments.

const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

const documents = tools.map(({ name, description, inputSchema }) => ({
  name,
  words: words(`${name} ${description} ${Object.keys(inputSchema.properties ?? {}).join(" ")}`),
}));
const averageLength = documents.reduce((sum, document) => sum + document.words.length, 0) / documents.length;

/** The tools by how well they fit a query, the usual way: k1 = 1.2, b = 0.75. */
function lookUp(query: string): string[] {
  const asked = [...new Set(words(query))];
  const scored = documents.map(({ name, words: own }) => {
    const score = asked.reduce((sum, word) => {
      const having = documents.filter((document) => document.words.includes(word)).length;
      const rarity = Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
      const times = own.filter((other) => other === word).length;
      return sum + (rarity * times * 2.2) / (times + 1.2 * (0.25 + (0.75 * own.length) / averageLength));
    }, 0);
    return { name, score };
  });
  return scored.toSorted((one, other) => other.score - one.score).map(({ name }) => name);
}

/** How people ask, and what they mean. */
const asked: [query: string, tool: string][] = [
  ["schedule a webhook", "create_job"],
  ["create a cron job", "create_job"],
  ["set up a recurring http request", "create_job"],
  ["send a reminder tomorrow", "create_job"],
  ["call an api every day", "create_job"],
  ["delay a request by ten minutes", "create_job"],
  ["run something later", "create_job"],
  ["schedule a daily ping", "create_job"],
  ["add a new schedule", "create_job"],
  ["post to a url in two hours", "create_job"],
  ["make an hourly cron", "create_job"],
  ["show all my jobs", "list_jobs"],
  ["list schedules", "list_jobs"],
  ["which jobs are failing", "list_jobs"],
  ["find a job by name", "list_jobs"],
  ["search jobs", "list_jobs"],
  ["list active crons", "list_jobs"],
  ["what reminders are there", "list_jobs"],
  ["show job details", "get_job"],
  ["get one job", "get_job"],
  ["what are the settings of this job", "get_job"],
  ["edit a job", "update_job"],
  ["change the url of a job", "update_job"],
  ["reschedule a job", "update_job"],
  ["rename a job", "update_job"],
  ["update the retry policy", "update_job"],
  ["change timeout", "update_job"],
  ["pause a job", "pause_job"],
  ["disable a schedule", "pause_job"],
  ["suspend a cron", "pause_job"],
  ["unpause a job", "resume_job"],
  ["enable a job again", "resume_job"],
  ["reactivate a paused job", "resume_job"],
  ["run a job now", "run_job"],
  ["trigger a job by hand", "run_job"],
  ["fire a job at once", "run_job"],
  ["test a job", "run_job"],
  ["delete a job", "delete_job"],
  ["remove a schedule", "delete_job"],
  ["cancel a reminder", "delete_job"],
  ["unschedule a cron", "delete_job"],
  ["why did my job not run", "explain_job"],
  ["job did not fire", "explain_job"],
  ["debug a missed run", "explain_job"],
  ["troubleshoot a late job", "explain_job"],
  ["diagnose why it was skipped", "explain_job"],
  ["check a cron expression", "preview_schedule"],
  ["when would this cron run next", "preview_schedule"],
  ["validate a schedule", "preview_schedule"],
  ["preview next run times", "preview_schedule"],
  ["pause all jobs of a queue", "pause_jobs"],
  ["disable many jobs in bulk", "pause_jobs"],
  ["resume many jobs in bulk", "resume_jobs"],
  ["execution history", "list_executions"],
  ["recent failures", "list_executions"],
  ["show the run log", "list_executions"],
  ["what ran last night", "list_executions"],
  ["list errors of today", "list_executions"],
  ["see the response body", "get_execution"],
  ["show the logs of one run", "get_execution"],
  ["what status code did it answer", "get_execution"],
  ["wait until it is finished", "wait_for_execution"],
  ["poll for the result", "wait_for_execution"],
  ["watch a run", "wait_for_execution"],
  ["retry a failed execution", "replay_execution"],
  ["resend a failed request", "replay_execution"],
  ["redo one execution", "replay_execution"],
  ["retry all dead letters", "replay_executions"],
  ["replay many failed runs after an outage", "replay_executions"],
  ["abort a running execution", "cancel_execution"],
  ["kill a request under way", "cancel_execution"],
  ["show the backlog of queues", "list_queues"],
  ["how many wait in the queue", "list_queues"],
  ["throttle requests", "update_queue"],
  ["limit concurrency", "update_queue"],
  ["set a rate limit", "update_queue"],
  ["pause a queue", "update_queue"],
  ["were the callbacks sent", "list_deliveries"],
  ["list notifications", "list_deliveries"],
  ["resend a failed callback", "retry_delivery"],
  ["retry a notification", "retry_delivery"],
  ["alert me on slack when a job fails", "add_rule"],
  ["notify a channel about failures", "add_rule"],
  ["set up a slack channel", "create_channel"],
  ["send alerts by email", "create_channel"],
  ["is my channel working, send a test message", "test_channel"],
  ["which alerts are set up", "list_rules"],
  ["stop notifying a channel, remove the rule", "remove_rule"],
  ["store an api key", "create_secret"],
  ["save a password for my jobs", "create_secret"],
  ["which secrets are there", "list_secrets"],
];

it("the right tool is the first for most ways in which people ask, and among the first three for nearly all", () => {
  const ranks = asked.map(([query, tool]) => ({ query, tool, found: lookUp(query).slice(0, 3) }));
  const share = (wanted: typeof ranks) => wanted.length / ranks.length;
  const notFirst = ranks.filter(({ tool, found }) => found[0] !== tool);
  const notAmong = ranks.filter(({ tool, found }) => !found.includes(tool));
  expect(1 - share(notFirst), JSON.stringify(notFirst, null, 1)).toBeGreaterThanOrEqual(0.8);
  expect(1 - share(notAmong), JSON.stringify(notAmong, null, 1)).toBeGreaterThanOrEqual(0.95);
});
