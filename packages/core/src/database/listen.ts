import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Log, reasonOf } from "../log.ts";

interface ListenOptions {
  url: string;
  channels: string[];
  onNotice: (channel: string, payload: string) => void;
  log: Log;
}

const probeMs = 5000;

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

async function keepListening(options: ListenOptions, stop: AbortSignal): Promise<void> {
  // One line when it breaks and one when it is back, however often it is tried in between.
  let isAway = false;
  const onListening = (): void => {
    if (isAway) options.log.info("the notification connection is back");
    isAway = false;
  };
  while (!stop.aborted) {
    try {
      await listenOnce(options, stop, onListening);
    } catch (error) {
      if (!isAway)
        options.log.warn({ error: reasonOf(error) }, "the notification connection broke; reconnecting");
      isAway = true;
    }
    await sleep(500 + Math.random() * 500, undefined, { signal: stop }).catch(() => {});
  }
}

async function listenOnce(
  { url, channels, onNotice }: ListenOptions,
  stop: AbortSignal,
  onListening: () => void,
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "scheduler-listen",
    connectionTimeoutMillis: 5000,
    query_timeout: 4000,
    keepAlive: true,
  });
  const broken = new AbortController();
  const over = AbortSignal.any([stop, broken.signal]);
  client.on("error", (error) => broken.abort(error));
  client.on("end", () => broken.abort(new Error("the connection ended")));
  client.on("notification", ({ channel, payload }) => {
    if (!stop.aborted) onNotice(channel, payload ?? "");
  });
  try {
    await client.connect();
    for (const channel of channels) await client.query(`listen ${channel}`);
    onListening();
    for (const channel of channels) onNotice(channel, "");
    // A half-open connection says nothing of itself; only a question finds it out.
    while (!over.aborted) {
      await sleep(probeMs, undefined, { signal: over }).catch(() => {});
      if (!over.aborted) await client.query("select 1");
    }
    if (broken.signal.aborted) throw broken.signal.reason;
  } finally {
    // Not waited for: on a half-open connection the goodbye takes as long as TCP tries, a quarter of an hour.
    void client.end().catch(() => {});
  }
}
