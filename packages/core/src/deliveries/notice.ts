import type { DeliveryKind, RuleEvent } from "@org/scheduler-contract";
import type { About, Gathered } from "../database/tables.ts";
import type { AttemptRow } from "../executions/executions.sql.ts";
import { toPublicId } from "../ids.ts";
import { countOf } from "../rules/rule.ts";
import { formatLocal } from "../time/zone.ts";
import { cut, oneLine } from "./channels/text.ts";
import type { ToldExecution } from "./deliver.sql.ts";

/** What a message says, as plain text in which anything may stand. */
export interface Notice {
  tone: "bad" | "good" | "warning" | "neutral";
  /** In one glance: what happened. */
  title: string;
  lines: string[];
  /** How to look closer. */
  footer: string;
}

/** The same, with each text on one line, and without what steers a terminal or the direction of writing. */
export function plainNotice({ tone, title, lines, footer }: Notice): Notice {
  return { tone, title: oneLine(title), lines: lines.map(oneLine), footer: oneLine(footer) };
}

/** A notification of one execution. */
export interface Telling {
  event: RuleEvent;
  about: About;
  execution: ToldExecution;
  attempt: AttemptRow | undefined;
}

const nameLength = 100;
const quoteLength = 200;

function quoted(name: string): string {
  return `“${cut(oneLine(name), nameLength)}”`;
}

/** What a notification says: what happened, since when, why, what comes next, and how to look closer. */
export function noticeOf(telling: Telling): Notice {
  const { event, execution, about } = telling;
  const { title, tone } = headline(event, quoted(execution.job_name), telling);
  const facts = [...sinceWhen(event, about), ...why(telling), ...whatNext(execution)];
  const jobId = toPublicId("job", execution.job_id);
  return {
    tone,
    title,
    lines: facts.map(([label, text]) => `${label}: ${text}`),
    footer: `Look closer: explain_job {"job_id": "${jobId}"}, get_execution {"execution_id": "${toPublicId("exec", execution.id)}"}`,
  };
}

const ends: Record<string, { says: string; tone: Notice["tone"] }> = {
  succeeded: { says: "succeeded", tone: "good" },
  failed: { says: "failed", tone: "bad" },
  expired: { says: "was not sent in time", tone: "bad" },
  canceled: { says: "was canceled", tone: "neutral" },
};

const signs = { bad: "❌", good: "✅", warning: "⚠️", neutral: "ℹ️" };

function headline(
  event: RuleEvent,
  job: string,
  { execution, about }: Telling,
): { title: string; tone: Notice["tone"] } {
  const say = (tone: Notice["tone"], text: string) => ({ tone, title: `${signs[tone]} ${job} ${text}` });
  switch (event) {
    case "on_success":
    case "on_failure":
    case "on_completion": {
      const { says, tone } = ends[execution.status] ?? { says: `is ${execution.status}`, tone: "neutral" };
      return say(tone, says);
    }
    case "on_first_failure":
      return say("warning", "failed, after it had worked");
    case "on_alert":
      return say("bad", `failed ${about.failures} ${about.failures === 1 ? "time" : "times in a row"}`);
    case "on_recovery":
      return say("good", "works again");
    case "on_missed":
      return say("warning", "was missed");
    case "on_overrun":
      return say(
        "warning",
        execution.finished_at === null ? "has been running for too long" : "ran for too long",
      );
  }
}

type Fact = [label: string, text: string];

function sinceWhen(event: RuleEvent, { failures, since, took_ms: took, usual_ms: usual }: About): Fact[] {
  const of = failures === 1 ? "1 failure" : `${failures} failures in a row`;
  const failing: Fact[] =
    since === undefined ? [] : [[event === "on_recovery" ? "Had failed since" : "Since", `${since} (${of})`]];
  if (event !== "on_overrun" || took === undefined) return failing;
  return [
    ["Took", `${inSeconds(took)}${usual === undefined ? "" : `, usually ${inSeconds(usual)}`}`],
    ...failing,
  ];
}

function inSeconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

function why({ event, execution, attempt }: Telling): Fact[] {
  const { error, status, attempt_count, max_attempts, finished_at } = execution;
  const due: Fact = ["Was due", execution.scheduled_for.toISOString()];
  if (event === "on_missed") return [due, ["Why", oneLine(error ?? "No worker was running.")]];
  if (status === "succeeded") return [due, ["Answer", String(execution.status_code)]];
  if (finished_at === null) return [due];
  const tries = `after ${attempt_count} of ${max_attempts} attempts`;
  const reason: Fact = [
    "Why",
    cut(`${oneLine(error ?? execution.reason ?? "Nobody knows.")} (${tries})`, 500),
  ];
  const said = firstLine(attempt);
  return [due, reason, ...(said === "" ? [] : [["The target said", `“${said}”`] as Fact])];
}

/** These are the target's words, and marked as such. */
function firstLine(attempt: AttemptRow | undefined): string {
  const { response_body: body, response_encoding: encoding } = attempt ?? {};
  if (body == null || encoding === "base64") return "";
  return cut(oneLine(body.trimStart().split(/\r?\n/, 1)[0]!), quoteLength);
}

function whatNext({ job_next_run_at: next, job_timezone: zone, job_state: state }: ToldExecution): Fact[] {
  if (next === null) return [["Next", `no further run; the job is ${state}`]];
  const local = zone === "UTC" ? "" : ` (${formatLocal(zone, next.getTime())} ${zone})`;
  return [["Next", `runs at ${next.toISOString()}${local}`]];
}

const counted: Record<RuleEvent, [one: string, many: string]> = {
  on_success: ["success", "successes"],
  on_failure: ["failure", "failures"],
  on_completion: ["end", "ends"],
  on_first_failure: ["first failure", "first failures"],
  on_alert: ["alert", "alerts"],
  on_recovery: ["recovery", "recoveries"],
  on_missed: ["missed run", "missed runs"],
  on_overrun: ["overrun", "overruns"],
};

/** What a message says that stands for many. */
export function noticeOfMany(kind: DeliveryKind, gathered: Gathered, gathers: string): Notice {
  const count = countOf(gathered);
  const entries = Object.entries(gathered) as [RuleEvent, NonNullable<Gathered[RuleEvent]>][];
  const lines = entries.map(([event, { count: of, jobs }]) => {
    const more = of > jobs.length ? " and more" : "";
    return `${of} ${counted[event][of === 1 ? 0 : 1]}: ${jobs.map(quoted).join(", ")}${more}`;
  });
  const what = count === 1 ? "1 notification" : `${count} notifications`;
  const muted = gathers.startsWith("job:")
    ? "a job"
    : gathers.startsWith("queue:")
      ? `the queue ${gathers.slice(6)}`
      : "this channel";
  const title = kind === "muted" ? `ℹ️ ${what} while ${muted} was muted` : `⚠️ ${what} more within a minute`;
  return {
    tone: kind === "muted" ? "neutral" : "warning",
    title,
    lines,
    footer: 'Look closer: list_executions {"status": "failed"}, list_jobs {"min_consecutive_failures": 1}',
  };
}

/** What a test says. */
export function noticeOfTest(channel: string): Notice {
  return {
    tone: "good",
    title: "✅ This channel works",
    lines: [`Channel: ${quoted(channel)}`, "Somebody asked for this message with test_channel."],
    footer: "add_rule says when it is told.",
  };
}
