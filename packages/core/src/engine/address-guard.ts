import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Range = [Address, number];

/** Where cloud machines hand out their credentials: no setting opens these. */
const metadataAddresses = ["169.254.169.254", "169.254.170.2", "fd00:ec2::254"].map((text) =>
  ipaddr.parse(text),
);

/** An outgoing request was headed for an address that is not allowed. */
export class BlockedAddressError extends Error {
  constructor(host: string) {
    super(`${host} is a private, local or reserved address; SCHEDULER_ALLOWED_TARGETS can allow it.`);
    this.name = "BlockedAddressError";
  }
}

/** Reads CIDRs such as `10.0.0.0/8` or `::1/128`; a single address stands for itself. Throws on anything else. */
export function parseRange(text: string): Range {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/** Whether a request may connect to an address: a public one, or one in the allowed ranges. */
export function isAllowed(text: string, allowed: Range[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  // ::ffff:10.0.0.1 is 10.0.0.1 to the socket, so it is judged as that.
  const address = ipaddr.process(text);
  if (metadataAddresses.some((metadata) => sameAddress(metadata, address))) return false;
  if (address.range() === "unicast") return true;
  return allowed.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

function sameAddress(one: Address, other: Address): boolean {
  return one.kind() === other.kind() && one.toNormalizedString() === other.toNormalizedString();
}

/** Throws for a URL's host that is a forbidden address as it stands: a literal is never looked up. */
export function assertAllowedHost(hostname: string, allowed: Range[]): void {
  const literal = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(literal) !== 0 && !isAllowed(literal, allowed)) throw new BlockedAddressError(literal);
}

/**
 * A DNS lookup that answers allowed addresses only. The socket connects to what this answers, so a name that
 * resolves differently a moment later (DNS rebinding) gains nothing.
 */
export function guardedLookup(allowed: Range[]): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const good = addresses.filter(({ address }) => isAllowed(address, allowed));
      if (good.length === 0) return callback(new BlockedAddressError(hostname), "", 0);
      if (options.all) return callback(null, good);
      callback(null, good[0]!.address, good[0]!.family);
    });
  };
}
