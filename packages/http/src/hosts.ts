import type { IncomingMessage } from "node:http";
import { SchedulerError } from "@org/scheduler-contract";

/** The names under which a server on loopback is reached. */
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses requests under a name that is not ours or from a foreign web page, so that no page can drive a server by
 * pointing its own name at it. Loopback is always ours; `*` among the names takes any Host, and its own pages. Names are
 * without port; programs send no Origin and pass, as do the pages of the origins given. Throws `forbidden`.
 */
export function checkHost(
  { headers }: Pick<IncomingMessage, "headers">,
  names: readonly string[],
  origins: readonly string[] = [],
): void {
  const { host, origin } = headers;
  const asked = nameOf(host ?? "");
  const ours = [...loopbackHosts, ...names.map(normalize)];
  const isOurs = names.includes("*") ? asked !== undefined : ours.includes(asked ?? "");
  if (!isOurs) throw foreign("Host", host, ours);
  if (origin === undefined || origins.includes(origin)) return;
  // `null`, which sandboxed pages send, has no name.
  const page = URL.parse(origin)?.hostname ?? "";
  if (page !== asked && !ours.includes(page)) throw foreign("Origin", origin, ours);
}

/** The name in a Host header, as URLs spell it; undefined where it is more than a name and a port. */
function nameOf(host: string): string | undefined {
  return /^(\[[\da-f:.]+\]|[^:@/]+)(:\d+)?$/i.test(host) ? URL.parse(`http://${host}`)?.hostname : undefined;
}

/** As URLs spell it: `Example.com:8080` and `::1` become `example.com` and `[::1]`. */
function normalize(name: string): string {
  return (URL.parse(`http://${name}`) ?? URL.parse(`http://[${name}]`))?.hostname ?? name;
}

function foreign(header: "Host" | "Origin", value: string | undefined, ours: string[]): SchedulerError {
  const said = value === undefined ? "is missing" : `says ${value.slice(0, 200)}`;
  const names = [...new Set(ours)].filter((name) => name !== "*").join(", ");
  const hint =
    header === "Host"
      ? `Call it as one of ${names}, or add the name to SCHEDULER_ALLOWED_HOSTS; a proxy must pass such a name on.`
      : `Call it from a page of ${names}, or add the page's origin, such as https://app.example, to SCHEDULER_ALLOWED_ORIGINS.`;
  return new SchedulerError("forbidden", `The ${header} header ${said}, which this server does not go by.`, {
    hint,
  });
}
