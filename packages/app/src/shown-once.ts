import type { Bootstrapped, Config } from "@org/scheduler-core";

/** The lines that show what was made up on the first start; nobody can see it again. */
export function shownOnce(made: Bootstrapped, config: Config): string[] {
  const lines: string[] = [];
  if (made.token) lines.push(`  Token     ${made.token}`);
  if (made.adminPassword) lines.push(`  Admin     ${config.adminEmail}  ${made.adminPassword}`);
  if (lines.length > 0) lines.push("            (shown this once)");
  return lines;
}
