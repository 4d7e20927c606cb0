import { SchedulerError } from "@org/scheduler-contract";
import {
  localhostAllowedHostnames,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";

export interface HostHeaders {
  host?: string | undefined;
  origin?: string | undefined;
}

/**
 * Refuses requests under a name that is not ours or from a foreign web page, so that no page can reach a server
 * by pointing its own name at it. Loopback is always ours; `*` among the names takes any Host, and its own pages.
 */
export function checkHost({ host, origin }: HostHeaders, names: readonly string[]): void {
  const ours = [...localhostAllowedHostnames(), ...names.map(normalize)];
  const anyHost = names.includes("*");
  const asked = validateHostHeader(host, anyHost ? [normalize(host ?? "")] : ours);
  if (!asked.ok) throw refused("Host", host);
  const pages = anyHost ? [...ours, asked.hostname] : ours;
  if (!validateOriginHeader(origin, pages).ok) throw refused("Origin", origin);
}

/** As URLs spell it: `Example.com:8080` and `::1` become `example.com` and `[::1]`. */
function normalize(name: string): string {
  return (URL.parse(`http://${name}`) ?? URL.parse(`http://[${name}]`))?.hostname ?? name;
}

function refused(header: "Host" | "Origin", value = "nothing"): SchedulerError {
  return new SchedulerError(
    "forbidden",
    `The ${header} header says ${value.slice(0, 200)}, which is not allowed.`,
    {
      hint: `Reach the server as localhost or 127.0.0.1, or add the name to its allowed hosts.`,
    },
  );
}
