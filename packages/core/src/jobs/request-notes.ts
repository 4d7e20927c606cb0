import type { Tx } from "../database/tables.ts";
import { isClear } from "../secrets/sensitive.ts";
import { unknownAmong } from "../secrets/secrets.sql.ts";
import { templateNames, unknownIn } from "../sending/templates.ts";
import type { JobRow } from "./jobs.sql.ts";

/** A job as it is stored, and the headers that its caller gave. */
interface Told {
  job: JobRow;
  given: Record<string, string> | null | undefined;
}

/** What may surprise in the requests of jobs, in their order. */
export async function notesOnRequests(tx: Tx, scopeId: number, told: Told[]): Promise<string[][]> {
  const names = [...new Set(told.flatMap(({ job }) => job.secrets ?? []))];
  const unknown = await unknownAmong(tx, scopeId, names);
  return told.map(({ job, given }) => [
    ...(job.secrets ?? []).filter((name) => unknown.includes(name)).map(noSecret),
    ...Object.entries(given ?? {})
      .filter(([name, value]) => isClear(name, value))
      .map(([name]) => inClear(name)),
    ...notesOnBraces(job),
  ]);
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
