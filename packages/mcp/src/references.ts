import { didYouMean, type Execute, type Output, SchedulerError } from "@org/scheduler-contract";
import { isRefusal } from "./aside.ts";

type Fields = Record<string, unknown>;

/** What an id is of, by its prefix, and how to look at it. */
const kinds: Readonly<Record<string, { noun: string; look: (id: string) => string }>> = {
  job: { noun: "a job", look: (id) => `get_job {"job_id": "${id}"}` },
  exec: { noun: "an execution", look: (id) => `get_execution {"execution_id": "${id}"}` },
  dlv: { noun: "a delivery", look: () => "list_deliveries" },
  chan: { noun: "a channel", look: () => "list_channels" },
  rule: { noun: "a rule", look: () => "list_rules" },
  sec: { noun: "a secret", look: () => "list_secrets" },
  rpl: { noun: "a replay", look: (id) => `list_executions {"replay_id": "${id}"}` },
};

const prefixes: Readonly<Record<string, string>> = {
  job_id: "job",
  job_ids: "job",
  execution_id: "exec",
  execution_ids: "exec",
  delivery_id: "dlv",
  channel_id: "chan",
  alert_channel_id: "chan",
  rule_id: "rule",
  secret_id: "sec",
  replay_id: "rpl",
};

/**
 * Puts ids in the place of what stands for a job: its number (`#109`), its key or its name, if only one has it. Throws
 * `not_found` with the jobs that may be meant, and for the id of something else.
 */
export async function resolveReferences(args: Fields, execute: Execute, bent: string[]): Promise<Fields> {
  const resolved = { ...args };
  for (const [field, prefix] of Object.entries(prefixes)) {
    const value = args[field];
    const resolve = (id: unknown) => resolveOne(id, { field, prefix, execute, bent });
    if (typeof value === "string") resolved[field] = await resolve(value);
    // One statement for each: what is longer than people write is a list of ids.
    else if (Array.isArray(value) && value.length <= 20)
      resolved[field] = await Promise.all(value.map(resolve));
  }
  return resolved;
}

interface Wanted {
  field: string;
  prefix: string;
  execute: Execute;
  bent: string[];
}

async function resolveOne(written: unknown, { field, prefix, execute, bent }: Wanted): Promise<unknown> {
  if (typeof written !== "string") return written;
  const [id = "", kind] = /^([a-z]+)_[0-9a-z]{26}$/.exec(written.toLowerCase()) ?? [];
  if (kind === prefix) return id;
  if (kind !== undefined && Object.hasOwn(kinds, kind))
    throw await wrongKind(id, kind, { field, prefix, execute });
  if (prefix === "chan" && written !== "" && !written.startsWith("chan_"))
    return findChannel(written, { field, execute, bent });
  if (prefix !== "job" || written === "" || written.startsWith("job_")) return written;
  const job = await findJob(written, execute, field).catch(refusedLookup(written, field, "job"));
  bent.push(
    `read ${field} ${JSON.stringify(written.slice(0, 60))} as ${job.id} (${JSON.stringify(job.name.slice(0, 60))})`,
  );
  return job.id;
}

/** By its name, where only one has it. */
async function findChannel(
  written: string,
  { field, execute, bent }: Omit<Wanted, "prefix">,
): Promise<string> {
  const { data } = await execute("list_channels", { limit: 100 }).catch(
    refusedLookup(written, field, "channel"),
  );
  const named = data.filter(({ name }) => name.toLowerCase() === written.toLowerCase());
  if (named.length === 1) {
    bent.push(`read ${field} ${shown(written)} as ${named[0]!.id}`);
    return named[0]!.id;
  }
  const listed = data.map(({ id, name }) => `${id} (${shown(name)})`).slice(0, 10);
  const what = named.length > 1 ? `${named.length} channels are called` : "There is no channel";
  throw new SchedulerError("not_found", `${what} ${shown(written)}.`, {
    field,
    hint:
      listed.length > 0
        ? `Give the id of one of yours: ${listed.join(", ")}.`
        : "create_channel makes one; list_channels shows none yet.",
  });
}

type Job = Pick<Output<"list_jobs">["data"][number], "id" | "name" | "key">;

async function findJob(written: string, execute: Execute, field: string): Promise<Job> {
  const name = written.slice(0, 255);
  const [, number] = /^#?(\d{1,15})$/.exec(written) ?? [];
  const found = await Promise.all([
    ...(number === undefined ? [] : [execute("list_jobs", { number: Number(number) })]),
    ...(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/.test(written) ? [execute("list_jobs", { key: written })] : []),
    execute("list_jobs", { name, limit: 5 }),
  ]);
  const jobs = [...new Map(found.flatMap(({ data }) => data).map((job) => [job.id, job])).values()];
  if (jobs.length === 1) return jobs[0]!;
  if (jobs.length > 1) {
    throw new SchedulerError(
      "not_found",
      `${jobs.length} jobs are called ${shown(written)}: ${listed(jobs)}.`,
      {
        field,
        hint: `Give the id of one of them, such as {"${field}": "${jobs[0]!.id}"}.`,
      },
    );
  }
  throw await noSuchJob(written, execute, field);
}

async function noSuchJob(written: string, execute: Execute, field: string): Promise<SchedulerError> {
  const { data } = await execute("list_jobs", { limit: 100 });
  const byName = new Map(data.flatMap((job) => [job.name, job.key].map((name) => [name ?? "", job])));
  const meant = byName.get(didYouMean(written, [...byName.keys()].filter(Boolean)) ?? "");
  return new SchedulerError("not_found", `There is no job ${shown(written)}.`, {
    field,
    hint:
      meant === undefined
        ? "Give its id, number, key or exact name; list_jobs shows yours, also by search."
        : `Did you mean ${listed([meant])}? list_jobs shows yours, also by search.`,
  });
}

/** Whose id it is that was given for another one, and what to call with it. */
async function wrongKind(
  id: string,
  kind: string,
  { field, prefix, execute }: Omit<Wanted, "bent">,
): Promise<SchedulerError> {
  const { noun, look } = kinds[kind]!;
  const wanted = kinds[prefix]!.noun;
  const job = kind === "exec" && prefix === "job" ? await jobOf(id, execute) : undefined;
  const ofJob = job === undefined ? "" : `, of job ${listed([job])}`;
  const instead =
    job !== undefined
      ? `, or ${kinds["job"]!.look(job.id)}`
      : kind === "job" && prefix === "exec"
        ? `; list_executions {"job_id": "${id}", "limit": 1} shows its latest execution`
        : "";
  return new SchedulerError("not_found", `${id} is ${noun}${ofJob}, and ${field} wants ${wanted}.`, {
    field,
    hint: `Use ${look(id)}${instead}.`,
  });
}

async function jobOf(executionId: string, execute: Execute): Promise<Job | undefined> {
  try {
    const { job_id } = await execute("get_execution", { execution_id: executionId });
    return await execute("get_job", { job_id });
  } catch {
    return undefined;
  }
}

/** Names are looked up in a list that this caller may not have. */
function refusedLookup(written: string, field: string, noun: string): (error: unknown) => never {
  return (error) => {
    if (!isRefusal(error)) throw error;
    const detail = `${shown(written)} is no id, and this token may not list ${noun}s.`;
    throw new SchedulerError("not_found", detail, { field, hint: `Give the id of the ${noun}.` });
  };
}

function listed(jobs: readonly Job[]): string {
  return jobs.map(({ id, name }) => `${id} (${shown(name)})`).join(", ");
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
