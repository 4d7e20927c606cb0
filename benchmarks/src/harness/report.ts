import { mkdir, writeFile } from "node:fs/promises";
import type { Outcome, Row, Verdict } from "../bench.ts";
import type { StatementTimes } from "./statements.ts";

/** What a run of one benchmark came to. */
export interface Report {
  name: string;
  title: string;
  seconds: number;
  outcome?: Outcome;
  error?: string;
}

export function printReport({ name, title, seconds, outcome, error }: Report): void {
  console.log(`\n${name}: ${title} (${seconds.toFixed(0)} s)`);
  if (error !== undefined) console.log(`  FAILED: ${error}`);
  if (!outcome) return;
  printTable(outcome.rows.map(rowCells));
  printTable(outcome.verdicts.map(verdictCells));
  for (const note of outcome.notes ?? []) console.log(`  note: ${note}`);
}

function rowCells({ what, side, value, unit, ratio, ratioTo }: Row): string[] {
  const compared = ratio === undefined || ratioTo === side ? "" : `${ratio.toFixed(2)} × ${ratioTo}`;
  return [what, side, `${shown(value)} ${unit}`, compared];
}

function verdictCells({ goal, what, value, bound, limit, met }: Verdict): string[] {
  return [goal, `${bound} ${shown(limit)} ${what}`, shown(value), met ? "reached" : "NOT REACHED"];
}

function shown(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 100 ? 1 : 2);
}

function printTable(lines: string[][]): void {
  const widths = lines.reduce<number[]>(
    (known, cells) => cells.map((cell, index) => Math.max(known[index] ?? 0, cell.length)),
    [],
  );
  for (const cells of lines) {
    const padded = cells.map((cell, index) =>
      index === 2 ? cell.padStart(widths[2]!) : cell.padEnd(widths[index]!),
    );
    console.log(`  ${padded.join("  ").trimEnd()}`);
  }
}

/** The statements that took longest in sum, for `--profile`. */
export function printStatements(statements: StatementTimes[]): void {
  for (const { text, calls, totalMs, maxMs } of statements.slice(0, 15)) {
    const times = `${totalMs.toFixed(0)} ms in ${calls} calls, at most ${maxMs.toFixed(0)}`;
    console.log(`    ${times.padEnd(40)} ${text.replace(/\s+/g, " ").slice(0, 100)}`);
  }
}

const results = new URL("../../results/", import.meta.url);

export async function writeResults(run: object): Promise<void> {
  await mkdir(results, { recursive: true });
  await writeFile(new URL("latest.json", results), `${JSON.stringify(run, null, 2)}\n`);
}
