import { SchedulerError } from "@org/scheduler-contract";
import { assertAllowedHost, BlockedAddressError, parseRange, type Range } from "../sending/address-guard.ts";
import { localhost } from "../sending/resolver.ts";

/** The addresses of names that have the same for everybody. Other names are looked up when a request is sent. */
function knownAddresses(name: string): string[] | undefined {
  return /^metadata\.google\.internal\.?$/.test(name) ? ["169.254.169.254"] : localhost(name);
}

const everything = ["0.0.0.0/0", "::/0"].map(parseRange);

/** Throws `invalid_input` where a URL says by itself that it leads to an address to which nothing may be sent. */
export function assertTargets(
  input: { url?: string | undefined; callback_url?: string | null | undefined },
  allowed: Range[],
): void {
  for (const field of ["url", "callback_url"] as const) {
    const url = input[field];
    if (url === undefined || url === null) continue;
    const { hostname } = new URL(url);
    if (isOpen(hostname, allowed)) continue;
    throw isOpen(hostname, everything) ? closed(field, hostname) : neverOpen(field, hostname);
  }
}

/** Whether the guard of what is sent would let a request through, as far as that can be told without a lookup. */
function isOpen(hostname: string, allowed: Range[]): boolean {
  return (knownAddresses(hostname) ?? [hostname]).some((address) => {
    try {
      assertAllowedHost(address, allowed);
      return true;
    } catch (error) {
      if (error instanceof BlockedAddressError) return false;
      throw error;
    }
  });
}

function closed(field: string, hostname: string): SchedulerError {
  return new SchedulerError("invalid_input", `${hostname} is a private, local or reserved address.`, {
    field,
    hint: "Give a public URL, or have SCHEDULER_ALLOWED_TARGETS list the range, such as 10.0.0.0/8 or 127.0.0.0/8.",
  });
}

function neverOpen(field: string, hostname: string): SchedulerError {
  return new SchedulerError("invalid_input", `${hostname} is a cloud's metadata address.`, {
    field,
    hint: "Give another URL: what is there is a machine's credentials, and SCHEDULER_ALLOWED_TARGETS cannot allow it.",
  });
}
