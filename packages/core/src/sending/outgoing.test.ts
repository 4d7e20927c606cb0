import { expect, test } from "vitest";
import { defaultRetry } from "../time/retry.ts";
import type { StartedExecution } from "../executions/life.sql.ts";
import { toMessage } from "../engine/request.ts";
import { emptyVault } from "../secrets/vault.ts";
import { toSigned } from "./outgoing.ts";

const now = new Date("2026-03-01T12:00:00.999Z");
const toOutgoing = (sent: StartedExecution, at: Date, keys: readonly Buffer[]) =>
  toSigned(toMessage(sent, { vault: emptyVault, cipher: undefined }), at, keys);
const execution: StartedExecution = {
  clock: now.getTime(),
  toldAt: 0,
  trigger: "schedule",
  scope_id: 1,
  id: "019c0000-0000-7000-8000-000000000001",
  job_id: "019c0000-0000-7000-8000-000000000002",
  scheduled_for: new Date("2026-03-01T11:59:59.123Z"),
  expires_at: null,
  attempt_count: 2,
  interruptions: 0,
  method: "POST",
  url: "https://example.com/a?b=c",
  host: "example.com",
  headers: {},
  body: "hello",
  follow_redirects: false,
  timeout_seconds: 30,
  success_statuses: ["2xx"],
  assertions: null,
  retry: defaultRetry,
  callback_url: null,
  signing_version: 0,
  sealed_headers: null,
  needs_secrets: false,
  for_agent: false,
  fills_templates: false,
  secrets_version: 0,
  has_rules: false,
  created_ms: now.getTime(),
};
const deliveryId = "exec_01kg000000e008000000000001";

test("sends what the job says, and tells the receiver which delivery it is", () => {
  expect(
    toOutgoing({ ...execution, headers: { "Content-Type": "text/plain", "X-Source": "me" } }, now, []),
  ).toEqual({
    method: "POST",
    url: "https://example.com/a?b=c",
    body: "hello",
    timeoutMs: 30_000,
    followRedirects: false,
    hidden: [],
    headers: {
      "user-agent": "scheduler/0.1",
      "content-type": "text/plain",
      "x-source": "me",
      "idempotency-key": deliveryId,
      "sched-delivery-id": deliveryId,
      "sched-attempt": "2",
      "sched-timestamp": "1772366400",
      "x-cron-service-job-id": "job_01kg000000e008000000000002",
      "x-cron-service-scheduled-for": "2026-03-01T11:59:59.123Z",
    },
  });
});

test("Idempotency-Key and User-Agent are the job's own where it sets them, in any case", () => {
  const { headers } = toOutgoing(
    { ...execution, headers: { "IDEMPOTENCY-Key": "order-7", "User-agent": "me" } },
    now,
    [],
  );
  expect(headers).toMatchObject({ "idempotency-key": "order-7", "user-agent": "me" });
});

test.each([
  "Sched-Delivery-Id",
  "SCHED-ATTEMPT",
  "sched-timestamp",
  "X-Cron-Service-Job-Id",
  "x-Cron-Service-Scheduled-For",
  "Sched-Signature",
  "Webhook-Id",
  "webhook-signature",
])("a job cannot pass itself off as another with %s", (name) => {
  const { headers } = toOutgoing({ ...execution, headers: { [name]: "forged" } }, now, []);
  expect(Object.values(headers)).not.toContain("forged");
  expect(headers).toEqual(toOutgoing(execution, now, []).headers);
});

test("a header that objects have themselves is sent like any other", () => {
  const own = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Record<string, string>;
  const { headers } = toOutgoing({ ...execution, headers: own }, now, []);
  expect(Object.entries(headers)).toContainEqual(["__proto__", "a"]);
  expect(Object.entries(headers)).toContainEqual(["constructor", "b"]);
});
