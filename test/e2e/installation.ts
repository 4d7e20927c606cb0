import { startPostgres } from "@org/scheduler-core/testing";
import { randomBytes } from "node:crypto";
import { track } from "./leftovers.ts";
import type { Env } from "./start-app.ts";

/** What separate apps have in common: a PostgreSQL server of their own, and the same settings. */
export interface Installation extends AsyncDisposable {
  env: Env;
  token: string;
  postgres: Awaited<ReturnType<typeof startPostgres>>;
}

export async function startInstallation(): Promise<Installation> {
  const postgres = await startPostgres();
  const tracked = track(postgres);
  const token = `cron_pat_${randomBytes(24).toString("base64url")}`;
  return {
    env: settingsFor(postgres.url, token),
    token,
    postgres,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      tracked.ended();
    },
  };
}

/** All that an app on a PostgreSQL server needs to be told. */
export function settingsFor(databaseUrl: string, token: string): Env {
  return {
    DATABASE_URL: databaseUrl,
    SCHEDULER_JWT_SECRET: randomBytes(32).toString("base64"),
    SCHEDULER_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    SCHEDULER_BOOTSTRAP_TOKEN: token,
    SCHEDULER_ADMIN_PASSWORD: "correct horse",
    SCHEDULER_ALLOWED_TARGETS: "127.0.0.0/8",
  };
}
