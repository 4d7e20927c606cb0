import { readServerFile } from "@org/scheduler-app";
import type { Bootstrapped, Config, Scheduler } from "@org/scheduler-core";

/** A token that opens this server, where this process knows one: just made, given, or kept from the last start. */
export async function usableToken(
  scheduler: Scheduler,
  config: Config,
  made: Bootstrapped,
): Promise<string | undefined> {
  const kept = config.databaseUrl === undefined ? (await readServerFile(config.dataDir))?.token : undefined;
  const token = made.token ?? config.bootstrapToken ?? kept ?? undefined;
  if (token === undefined) return undefined;
  return scheduler.authenticate(token).then(
    () => token,
    () => undefined,
  );
}
