import { shownOnce } from "@org/scheduler-app";
import type { Bootstrapped, Config } from "@org/scheduler-core";

/** What the person who started the server reads: where it listens and what to try. */
export function greeting({
  url,
  made,
  token,
  config,
}: {
  url: string;
  made: Bootstrapped;
  token: string | undefined;
  config: Config;
}): string {
  const embedded = config.databaseUrl === undefined;
  const lines = [
    "",
    `  The scheduler is ready: ${url}`,
    "",
    `  REST      ${url}/v1          OpenAPI  ${url}/openapi.json`,
    `  MCP       ${url}/mcp         Health   ${url}/readyz`,
    `  Database  ${embedded ? `embedded, in ${config.dataDir}` : "PostgreSQL, by DATABASE_URL"}`,
  ];
  lines.push(...shownOnce(made, config));
  if (token && embedded) lines.push(`  Token     kept in ${config.dataDir}/server.json`);
  const shown = made.token ?? "$TOKEN";
  // Without the embedded database, this machine's own addresses are closed to jobs unless a setting opens them.
  const target = embedded ? `${url}/healthz` : "https://example.com";
  lines.push(
    "",
    "  Try it:",
    `    curl ${url}/v1/jobs -H "Authorization: Bearer ${shown}" \\`,
    `      -H 'Content-Type: application/json' -d '{"name": "hello", "url": "${target}", "when": "5s"}'`,
    "",
  );
  return lines.join("\n");
}
