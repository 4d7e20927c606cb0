import { type ParsedInput, usualJob } from "@org/scheduler-contract";
import { canonicalJson } from "../canonical-json.ts";
import type { Cipher } from "../encryption/cipher.ts";
import { toPublicId } from "../ids.ts";
import { namesIn } from "../secrets/reference.ts";
import { sealHeaders } from "../secrets/sealed-headers.ts";
import { template } from "../sending/templates.ts";
import { fullRetry } from "../time/retry.ts";
import type { JobRow } from "./jobs.sql.ts";
import { toDate } from "./schedule.ts";
import type { Timing, TimingInput } from "./timing.ts";

/** A job as its caller wants it to be: what is not said has its default. */
export type Declaration = ParsedInput<"create_jobs">["jobs"][number];

/** What a caller says of a job. Null stands for the default. */
type JobInput = Omit<ParsedInput<"update_job">, "job_id" | "dry_run" | "message"> &
  TimingInput & { agent?: string | null | undefined; message?: string | null | undefined };

const { key: _key, muted_until: _muted, is_alerted: _alerted, ...usual } = usualJob;

/** What a job has where nobody says anything, as its row has it. */
const defaults = {
  ...usual,
  assertions: null,
  // Without a timeout or a policy of its own a job has its queue's, if that has one.
  inherits_timeout: true,
  inherits_retry: true,
} satisfies Partial<JobRow>;

type Defaults = Pick<JobRow, keyof typeof defaults>;

/** The same, by where it goes: an agent is told nothing more while it is at work. */
export function defaultsFor({ message }: { message?: string | null | undefined }): Defaults {
  return message == null ? defaults : { ...defaults, overlap: "skip" };
}

const required = ["name", "method", "url", "timezone"] as const;
type OptionalName = keyof typeof defaults;
type RequiredName = (typeof required)[number];
const fields = [...required, ...(Object.keys(defaults) as OptionalName[])];

/** What of a row follows from what its callers say of its request. */
const derived = [
  "host",
  "sealed_headers",
  "secrets",
  "fills_templates",
  "for_agent",
  "muted_until",
  "ends_by_bound",
] as const;

/** The part of a job's row that its callers decide. */
export type Wanted = Pick<JobRow, OptionalName | RequiredName | keyof Timing | (typeof derived)[number]>;

/** Whose headers are sealed, and what was stored of them. */
interface Sealing {
  owner: { scope_id: number; id: string };
  cipher: Cipher | undefined;
  /** The job as it is; undefined for a new one. */
  before: JobRow | undefined;
}

/** What stays where nothing is said: a job's row, or the defaults with a timing. */
type Base = Pick<Wanted, OptionalName | keyof Timing> & Partial<Pick<Wanted, RequiredName>>;

const readers: { [Name in OptionalName]?: (said: never) => Wanted[Name] } = {
  start_at: toDate,
  end_at: toDate,
  retry: fullRetry,
  body: (said: unknown) => (typeof said === "string" ? said : JSON.stringify(said)),
};

/** The row of a job as its caller wants it. The timing is the base's. Throws `invalid_input`. */
export function wanted(input: JobInput, base: Base, { before, ...sealing }: Sealing): Wanted {
  const usual = defaultsFor({ message: input.message ?? base.message });
  const said = fields.filter((name) => name in input && input[name as keyof JobInput] !== undefined);
  const read = said.map((name) => [name, readField(name, input[name as keyof JobInput], usual)]);
  const row = { ...base, ...(Object.fromEntries(read) as Pick<Wanted, RequiredName>) };
  const { timeout_seconds: timeout, retry } = input;
  const muted_until =
    input.muted_until === undefined ? (before?.muted_until ?? null) : toDate(input.muted_until);
  const ours = {
    // Not part of what a job is: whoever declares it again does not end its silence.
    muted_until,
    ends_by_bound: before?.ends_by_bound ?? false,
    host: new URL(row.url).host,
    inherits_timeout: timeout === undefined ? base.inherits_timeout : timeout === null,
    inherits_retry: retry === undefined ? base.inherits_retry : retry === null,
  };
  if (row.message !== null) return { ...row, ...ours, ...toAgent(row, sealing.owner.id) };
  const headers = headersOf(input, base);
  const names = namesIn([...Object.values(headers), row.body ?? ""]);
  const stored = sealHeaders(headers, before, sealing);
  // What is sealed is not opened to see whether it names secrets.
  const all = new Set([...names, ...(stored.sealed_headers ? (before?.secrets ?? []) : [])]);
  return {
    ...row,
    ...ours,
    ...stored,
    secrets: all.size === 0 ? null : [...all].toSorted(),
    fills_templates: before?.fills_templates ?? true,
    for_agent: false,
    method: methodOf(input, base),
  };
}

/** The request that tells an agent its message; each execution adds what it is. Nothing in it is replaced. */
function toAgent(
  { agent, message, name, kind, cron, every_n_minutes, timezone }: Omit<Wanted, (typeof derived)[number]>,
  id: string,
): Pick<
  Wanted,
  "method" | "headers" | "sealed_headers" | "body" | "secrets" | "fills_templates" | "for_agent"
> {
  const schedule = { id: toPublicId("job", id), name, kind, cron, every_n_minutes, timezone };
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    sealed_headers: null,
    body: JSON.stringify({ message, schedule, agent }),
    secrets: null,
    fills_templates: false,
    for_agent: true,
  };
}

function readField(name: OptionalName | RequiredName, said: unknown, usual: Defaults): unknown {
  if (said === null) return usual[name as OptionalName];
  const reader = readers[name as OptionalName] as ((said: unknown) => unknown) | undefined;
  return reader ? reader(said) : said;
}

/** A body without a method is sent by POST. Where there was one already, its method was chosen with it. */
function methodOf({ method, body }: JobInput, base: Base): Wanted["method"] {
  const staying = base.method ?? "GET";
  if (method !== undefined) return method;
  return body != null && base.body === null && staying === "GET" ? "POST" : staying;
}

/** The headers, with the type of the body where they do not say it. */
function headersOf({ headers, body }: JobInput, base: Base): Record<string, string> {
  const before = contentType(base.headers);
  const isOurs = base.body !== null && before?.[1] === typeOf(base.body);
  if (headers === undefined && body !== undefined && isOurs) {
    const { [before[0]]: _, ...others } = base.headers;
    return withTypeOf(body, others);
  }
  const said = headers === undefined ? base.headers : (headers ?? {});
  if (contentType(said)) return said;
  // A body that stays keeps the type that it has.
  if (body === undefined) return base.body !== null && before ? { ...said, [before[0]]: before[1] } : said;
  return withTypeOf(body, said);
}

function withTypeOf(body: unknown, headers: Record<string, string>): Record<string, string> {
  return body === null ? headers : { ...headers, "Content-Type": typeOf(body) };
}

function typeOf(body: unknown): string {
  return typeof body !== "string" || isJson(body) ? "application/json" : "text/plain; charset=utf-8";
}

/** A number or a word is JSON too, but whoever sends one means text. A template stands for a number, or is within a text. */
function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text.replace(templates, "0"));
    return true;
  } catch {
    return false;
  }
}

const templates = new RegExp(template, "g");

function contentType(headers: Record<string, string>): [name: string, value: string] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type");
}

/** What of a job's row is not as wanted, as it is wanted; empty where all is. */
export function difference(job: JobRow, row: Wanted): Partial<Wanted> {
  const names = Object.keys(row) as (keyof Wanted)[];
  return Object.fromEntries(
    names.filter((name) => !isSame(row[name], job[name])).map((name) => [name, row[name]]),
  );
}

/** Whether both are the same JSON; the order of fields makes no difference. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || canonicalJson(one) === canonicalJson(other);
}
