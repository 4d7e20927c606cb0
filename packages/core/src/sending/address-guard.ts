import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import type { Resolver } from "./resolver.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Range = [Address, number];

/** Where cloud machines hand out their credentials: no setting opens these. */
const metadataAddresses = [
  "169.254.169.254",
  // Containers and pods on AWS.
  "169.254.170.2",
  "169.254.170.23",
  // Azure, Alibaba, Oracle, Tencent.
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "169.254.0.23",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
].map((text) => hex(ipaddr.parse(text)));

/** An outgoing request was headed for an address that is not allowed. */
export class BlockedAddressError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BlockedAddressError";
  }
}

const reserved = "a private, local or reserved address; SCHEDULER_ALLOWED_TARGETS can allow it.";

/** Reads CIDRs such as `10.0.0.0/8` or `::1/128`; a single address stands for itself. Throws on anything else. */
export function parseRange(text: string): Range {
  const [host = "", bits] = text.split("/", 2);
  // ipaddr.js also reads 10/8, and takes it for 0.0.0.10/8.
  if (isIP(host) === 0) throw new Error(`${host} is no address`);
  const [address, length] = ipaddr.parseCIDR(
    bits === undefined ? `${host}/${isIP(host) === 4 ? 32 : 128}` : text,
  );
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8: addresses are judged as what they are to the socket.
  const plain = ipaddr.process(host);
  return plain.kind() !== address.kind() && length >= 96 ? [plain, length - 96] : [address, length];
}

/** Whether a request may connect to an address: a public one, or one in the allowed ranges. */
export function isAllowed(text: string, allowed: Range[]): boolean {
  if (isIP(text) === 0) return false;
  const address = asReached(ipaddr.process(text));
  if (carriesMetadata(address)) return false;
  if (isPublic(address)) return true;
  return allowed.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

function isPublic(address: Address): boolean {
  if (address.range() !== "unicast") return false;
  // Of IPv6, only 2000::/3 is given out; IPv4-compatible addresses, for one, are outside.
  return address.kind() === "ipv4" || (address.toByteArray()[0]! & 0xe0) === 0x20;
}

/** 64:ff9b::/96 is how networks without IPv4 reach it, public addresses too: what counts is who is behind. */
function asReached(address: Address): Address {
  const bytes = address.toByteArray();
  if (!hex(address).startsWith("0064ff9b0000000000000000")) return address;
  return new ipaddr.IPv4(bytes.slice(12));
}

/** Tunnels and translators (6to4, Teredo, NAT64 of any prefix) carry IPv4 addresses inside of IPv6 ones. */
function carriesMetadata(address: Address): boolean {
  const text = hex(address);
  if (address.kind() === "ipv4") return metadataAddresses.includes(text);
  // NAT64 may keep the ninth byte free; Teredo inverts what it carries.
  const forms = [
    text,
    text.slice(0, 16) + text.slice(18),
    ...(address.range() === "teredo" ? [hex(address, 0xff)] : []),
  ];
  return metadataAddresses.some((metadata) => forms.some((form) => form.includes(metadata)));
}

function hex(address: Address, inverted = 0): string {
  return Buffer.from(address.toByteArray().map((byte) => byte ^ inverted)).toString("hex");
}

/** Throws for a URL's host that is a forbidden address as it stands: a literal is never looked up. */
export function assertAllowedHost(hostname: string, allowed: Range[]): void {
  const literal = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(literal) === 0 || isAllowed(literal, allowed)) return;
  const why = carriesMetadata(ipaddr.parse(literal))
    ? "a cloud's metadata address: never allowed."
    : reserved;
  throw new BlockedAddressError(`${literal} is ${why}`);
}

/**
 * A lookup that answers allowed addresses only. The socket connects to what this answers, so a name that resolves
 * differently a moment later (DNS rebinding) gains nothing.
 */
export function guardedLookup(allowed: Range[], resolver: Pick<Resolver, "resolve">): LookupFunction {
  return (hostname, options, callback) => {
    resolver.resolve(hostname).then(
      (addresses) => {
        const good = addresses.filter(({ address }) => isAllowed(address, allowed));
        if (good.length === 0) {
          // Which address it was stays inside: names of a private network would be told to everybody who asks.
          callback(new BlockedAddressError(`${hostname} leads to ${reserved}`), "", 0);
        } else if (options.all) callback(null, good);
        else callback(null, good[0]!.address, good[0]!.family);
      },
      (error: Error) => callback(error, "", 0),
    );
  };
}
