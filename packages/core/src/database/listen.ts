import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Log } from "../log.ts";

interface ListenOptions {
  url: string;
  channels: string[];
  onNotice: (channel: string, payload: string) => void;
  log: Log;
}

/**
 * Listens on a connection of its own and reconnects for as long as it takes. Notifications are hints: while the
 * connection is away nobody waits for it, the polls go on.
 */
export async function listenOnPostgres(options: ListenOptions): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const done = keepListening(options, stop.signal);
  return async () => {
    stop.abort();
    await done;
  };
}

async function keepListening(options: ListenOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await listenOnce(options, signal);
    } catch (error) {
      options.log.warn(
        { error: (error as Error).message },
        "the notification connection broke; reconnecting",
      );
    }
    await sleep(500 + Math.random() * 500, undefined, { signal }).catch(() => {});
  }
}

async function listenOnce({ url, channels, onNotice }: ListenOptions, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "scheduler-listen",
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
    keepAlive: true,
  });
  let broken: Error | undefined;
  client.on("error", (error) => (broken = error));
  client.on("end", () => (broken ??= new Error("the connection ended")));
  client.on("notification", ({ channel, payload }) => onNotice(channel, payload ?? ""));
  try {
    await client.connect();
    for (const channel of channels) await client.query(`listen ${channel}`);
    for (const channel of channels) onNotice(channel, "");
    // A half-open connection says nothing of itself; only a question finds it out.
    while (!signal.aborted && !broken) {
      await sleep(5000, undefined, { signal }).catch(() => {});
      if (!signal.aborted && !broken) await client.query("select 1");
    }
    if (broken) throw broken;
  } finally {
    await client.end().catch(() => {});
  }
}
