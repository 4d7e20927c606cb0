import { SchedulerError } from "@org/scheduler-contract";
import type { RequestHandler } from "express";
import { problemHandler } from "./problem.ts";

/** The names under which a server on loopback is reached. */
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses requests that come under a foreign name or from a foreign web page, so that no page can drive a server
 * on loopback by pointing its own DNS name there. Names are without port; programs send no Origin and pass.
 */
export function hostGuard({
  allowedHosts = loopbackHosts,
}: { allowedHosts?: readonly string[] } = {}): RequestHandler {
  const refuse = problemHandler();
  return (request, response, next) => {
    const { host, origin } = request.headers;
    if (!allowedHosts.includes(hostName(host) ?? "")) {
      return refuse(foreign("Host", allowedHosts), request, response, next);
    }
    if (origin !== undefined && !allowedHosts.includes(originName(origin) ?? "")) {
      return refuse(foreign("Origin", allowedHosts), request, response, next);
    }
    next();
  };
}

function hostName(host: string | undefined): string | undefined {
  return /^(\[[\da-f:.]+\]|[^:@/]+)(:\d+)?$/i.exec(host ?? "")?.[1]?.toLowerCase();
}

/** `null`, which sandboxed pages send, has no name. */
function originName(origin: string): string | undefined {
  return URL.parse(origin)?.hostname;
}

function foreign(header: string, allowedHosts: readonly string[]): SchedulerError {
  return new SchedulerError(
    "forbidden",
    `The ${header} header names a host that this server does not go by.`,
    {
      hint: `Call it as one of ${allowedHosts.join(", ")}; a proxy in front of it must send one of them as Host.`,
    },
  );
}
