import { defaultRetry } from "../time/retry.ts";
import type { RetryPolicy } from "@org/scheduler-contract";
import type { Answer, Sending } from "../sending/answer.ts";
import type { Circuits } from "../sending/circuits.ts";
import { judge } from "../sending/outcome.ts";
import { scrub } from "../secrets/scrub.ts";
import { send } from "../sending/send.ts";
import { toldOf } from "../sending/told.ts";
import { heldBack, unsent } from "../sending/unsent.ts";
import { cut, oneLine } from "./channels/text.ts";
import { databaseMs, type Delivering, type Due } from "./claim.ts";
import type { DeliveryOutcome } from "./deliver.sql.ts";
import type { MailMessage } from "./channels/kind.ts";
import type { Notification } from "./notification.ts";

/** Five retries within about an hour: whoever is told much later is told nothing new. */
const channelRetry: RetryPolicy = {
  ...defaultRetry,
  max_attempts: 6,
  strategy: "list",
  delays_seconds: [60, 240, 600, 1200, 1500],
  max_seconds: 3600,
  jitter: false,
  retry_on_statuses: ["1xx", "3xx", "4xx", "5xx"],
};

/** Nobody waits for a test for longer. */
const testRetry: RetryPolicy = { ...channelRetry, max_attempts: 1 };

/** Sends a delivery, signed as its scope or its channel signs. Without `circuits`, none is held back. */
export function sendDelivery(delivering: Delivering, due: Due, circuits?: Circuits): Sending {
  const { sends } = due;
  const nowMs = (): number => delivering.clock.now()?.getTime() ?? databaseMs(due);
  const keepsBack = (now: Date): Answer | undefined => {
    if ("nothing" in sends) return { ...unsent("gone"), error: sends.nothing };
    // A silence was made longer while this was being claimed; until then, more is gathered in it.
    if (due.gathers !== null && due.due_at.getTime() > now.getTime() + 1000)
      return { ...unsent("muted"), heldBackMs: due.due_at.getTime() - now.getTime() };
    if (due.muted_until !== null && due.muted_until > now && ["notification", "summary"].includes(due.kind))
      return { ...unsent("muted"), heldBackMs: due.muted_until.getTime() - now.getTime() };
    const leave = circuits?.ask(due, now.getTime()) ?? "leaves";
    const asked = due.url === null ? "notifications" : "callbacks";
    return leave === "leaves" ? undefined : heldBack(due.channel_name ?? due.host, leave, { now, asked });
  };
  if ("notification" in sends && "mail" in sends.notification.sent)
    return sendMail(delivering, sends.notification, {
      mail: sends.notification.sent.mail,
      kept: keepsBack(new Date(nowMs())),
    });
  return send(delivering, {
    id: due.id,
    scope_id: due.scope_id,
    signing: signingOf(due),
    nowMs,
    keepsBack,
    message() {
      if ("callback" in sends) return sends.callback;
      return "notification" in sends && "message" in sends.notification.sent
        ? sends.notification.sent.message
        : undefined;
    },
  });
}

function signingOf({ sends, signing_version }: Due): number | Buffer[] {
  if (!("notification" in sends) || !("signing" in sends.notification.sent)) return signing_version;
  const { signing } = sends.notification.sent;
  return signing === "workspace" ? signing_version : signing;
}

function sendMail(
  { mailer }: Delivering,
  { hidden }: Notification,
  { mail, kept }: { mail: MailMessage; kept: Answer | undefined },
): Sending {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  if (kept) resolve(kept);
  else if (!mailer)
    resolve({ ...unsent("mail"), error: "No mail server is set: give the worker SMTP_URL and SMTP_FROM." });
  else {
    // A mail server tells in its replies whom it knows, or does not.
    void mailer.send(mail).then(({ error, ...answer }) => {
      resolve({ ...answer, hidden, error: error && scrub(error, hidden, { anyCase: true }) });
    });
  }
  return { answer: promise, abort: (reason) => resolve(unsent(reason)) };
}

const answerLength = 200;

/**
 * What an answer means for the delivery: 2xx is heard, everything else as the retry policy has it, unless a service says
 * for good that the channel is gone. One that was held back is due again when whatever held it back is over.
 */
export function toDeliveryOutcome(due: Due, answer: Answer): DeliveryOutcome {
  const of = { id: due.id, number: due.claimed.number, status_code: answer.statusCode };
  const { errorCode: error_code, error, heldBackMs: retry_ms } = answer;
  if (retry_ms !== undefined)
    return { ...of, status: "pending", retry_ms, held_back: true, error_code, error };
  if (error_code === "gone") return { ...of, status: "failed", retry_ms: null, error_code, error };
  const told = toldOf(answer);
  const said = answerOf(due, told);
  const reason = goneBy(due, told);
  if (reason !== undefined) {
    const gone = { id: due.channel_id!, reason };
    return { ...of, status: "failed", retry_ms: null, error_code: "gone", error: reason, answer: said, gone };
  }
  const rules = {
    attempts: due.claimed.number,
    successStatuses: ["2xx" as const],
    assertions: null,
    retry: retryOf(due),
    now: databaseMs(due),
  };
  const outcome = judge(answer, rules, Math.random());
  return {
    ...of,
    status: outcome.next === "succeeded" ? "sent" : outcome.retryMs === null ? "failed" : "pending",
    retry_ms: outcome.retryMs,
    error_code: outcome.errorCode,
    // Where a channel leads is no job's target.
    error: due.url === null ? (outcome.error?.replace(/^The target/, "The service") ?? null) : outcome.error,
    answer: said,
  };
}

function retryOf({ kind }: Due): RetryPolicy {
  if (kind === "callback") return defaultRetry;
  return kind === "test" ? testRetry : channelRetry;
}

function goneBy({ sends, kind }: Due, answer: Answer): string | undefined {
  if (!("notification" in sends) || kind === "test") return undefined;
  return sends.notification.kind.goneBy(answer);
}

function answerOf({ url }: Due, { body, encoding }: Answer): string | null {
  if (url !== null || body === null || encoding === "base64") return null;
  return cut(oneLine(body), answerLength);
}
