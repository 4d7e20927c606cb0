import { SchedulerError } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { seeing } from "../access/made-by.ts";
import type { Tx } from "../database/tables.ts";
import { isClear } from "../secrets/sensitive.ts";
import { foreignAmong, unknownAmong } from "../secrets/secrets.sql.ts";
import { templateNames, unknownIn } from "../sending/templates.ts";
import type { JobRow } from "./jobs.sql.ts";

/** A job as it is stored, and the headers that its caller gave. */
interface Told {
  job: JobRow;
  given: Record<string, string> | null | undefined;
}

/**
 * What may surprise in the requests of jobs, in their order. Throws `forbidden` where an agent's key names the secret of
 * another agent: it would be sent wherever the key says.
 */
export async function notesOnRequests(tx: Tx, caller: Caller, told: Told[]): Promise<string[][]> {
  const names = [...new Set(told.flatMap(({ job }) => job.secrets ?? []))];
  const [foreign] = await foreignAmong(tx, seeing(caller), names);
  if (foreign !== undefined) throw notYours(foreign);
  const unknown = await unknownAmong(tx, caller.scopeId, names);
  return told.map(({ job, given }) => [
    ...(job.secrets ?? []).filter((name) => unknown.includes(name)).map(noSecret),
    ...Object.entries(given ?? {})
      .filter(([name, value]) => isClear(name, value))
      .map(([name]) => inClear(name)),
    ...notesOnBraces(job),
  ]);
}

function notYours(name: string): SchedulerError {
  return new SchedulerError("forbidden", `The secret "${name}" is not one that this key may use.`, {
    field: "headers",
    hint: "list_secrets shows those that it may; create_secret makes one of another name.",
  });
}

function noSecret(name: string): string {
  return `There is no secret "${name}" yet: nothing is sent before it is made with create_secret {"name": "${name}", "value": …}.`;
}

function inClear(name: string): string {
  return `${name} is stored encrypted and shown as ********. Better: create_secret, then name it in the header as secret://its-name.`;
}

function notesOnBraces({ url, headers, body, fills_templates: fills }: JobRow): string[] {
  const texts = [url, ...Object.values(headers), body ?? ""];
  if (!fills) {
    const meant = templateNames.filter((name) => texts.some((text) => text.includes(`{{${name}}}`)));
    const made = "This job is older than templates are: make it anew to have it replaced.";
    return meant.map((name) => `{{${name}}} is sent as it is. ${made}`);
  }
  const all = templateNames.map((name) => `{{${name}}}`).join(", ");
  return unknownIn(texts)
    .slice(0, 5)
    .map((found) => `${found} is sent as it is; replaced are ${all}.`);
}
