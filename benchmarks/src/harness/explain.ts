import type { Statement } from "./statements.ts";

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  Plans?: Plan[];
}

type RunSql = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** The tables that PostgreSQL would read from end to end for a statement, on the connection that runs it. */
export async function sequentialScans(
  run: RunSql,
  { text, values }: Pick<Statement, "text" | "values">,
): Promise<string[]> {
  const { rows } = await run(`explain (format json) ${text}`, values);
  const [{ Plan: plan }] = (rows[0] as { "QUERY PLAN": [{ Plan: Plan }] })["QUERY PLAN"];
  return scansOf(plan);
}

function scansOf(plan: Plan): string[] {
  const own = plan["Node Type"] === "Seq Scan" ? [plan["Relation Name"]!] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)];
}
