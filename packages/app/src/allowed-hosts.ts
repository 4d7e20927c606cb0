import type { Config } from "@org/scheduler-core";

/**
 * Names besides loopback's under which clients reach an app. On loopback, foreign names are refused, so that no web
 * page can drive it; an app that is open to the network takes any name unless it is told its own.
 */
export function allowedHosts({ host, allowedHosts }: Pick<Config, "host" | "allowedHosts">): string[] {
  return allowedHosts ?? (isLoopback(host) ? [] : ["*"]);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
