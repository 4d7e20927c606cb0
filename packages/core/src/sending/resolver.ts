import { promises as dns } from "node:dns";
import type { LookupAddress } from "node:dns";
import { setTimeout as sleep } from "node:timers/promises";
import { createNameFiles, type NameFilePaths } from "./name-files.ts";

/** Finds the addresses of names. */
export interface Resolver {
  /** Rejects with a `LookupError`. */
  resolve(name: string): Promise<LookupAddress[]>;
  /** Whether an answer for a name is still awaited. */
  isAwaited(name: string): boolean;
  close(): void;
}

export interface ResolverSettings {
  /** Name servers as `address:port`; those of the system unless told. */
  servers?: string[];
  files?: NameFilePaths;
}

/** A name could not be resolved. Its message says why, in words. */
export class LookupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LookupError";
  }
}

/** Under what a connection may take, so that it is the lookup that is told of. */
const deadlineMs = 5000;
/** The first try of each name server. */
const tryMs = 1500;
/** Once one family has answered, the other has so long: RFC 8305, section 3. */
const otherFamilyMs = 50;

const longestKeptMs = 30_000;
/** A dead name is not asked for again by each of many jobs, nor for so long that its return would go unnoticed. */
const failureKeptMs = 2000;
const mostKept = 1000;

interface Found {
  addresses: LookupAddress[];
  ttlMs: number;
}

interface Kept {
  outcome: Promise<LookupAddress[]>;
  /** Infinity while it is awaited. */
  until: number;
}

/**
 * Asks name servers by c-ares. The system's `getaddrinfo` blocks one of four threads for as long as a name's servers
 * keep silent, and everybody's names and files wait for those threads. What it knows besides DNS is kept to the hosts
 * file, the search list and localhost. IPv4 comes first: where both work, neither is late, and where IPv6 is advertised
 * but goes nowhere, nobody waits for that.
 */
export function createResolver({ servers, files: paths }: ResolverSettings = {}): Resolver {
  const files = createNameFiles(paths);
  const kept = new Map<string, Kept>();
  let channel = openChannel();
  let version = files.version();

  function openChannel(): dns.Resolver {
    const opened = new dns.Resolver({ timeout: tryMs, tries: 3 });
    if (servers) opened.setServers(servers);
    return opened;
  }

  /** Lookups that are under way stay with the channel that they began on. */
  function currentChannel(): dns.Resolver {
    if (version !== files.version()) {
      version = files.version();
      channel = openChannel();
    }
    return channel;
  }

  async function find(name: string): Promise<Found> {
    const given = files.addressesOf(name.replace(/\.$/, "")) ?? localhost(name);
    if (given) return { addresses: given.map(withFamily), ttlMs: 0 };
    // RFC 6761, section 6.4: no name server need be asked.
    if (/(^|\.)invalid\.?$/.test(name)) throw new LookupError(failed(name, reasons.ENOTFOUND!));
    let failure: Failure | undefined;
    for (const candidate of files.candidates(name)) {
      const found = await ask(currentChannel(), candidate);
      if ("addresses" in found) return found;
      // That one domain of the search list does not have the name says less than that another does not answer.
      if (failure === undefined || failure.isAbsent) failure = found;
      if (found.isSilent) break;
    }
    throw new LookupError(failed(name, failure!.why));
  }

  function resolve(name: string): Promise<LookupAddress[]> {
    const now = performance.now();
    const known = kept.get(name);
    if (known && now < known.until) return known.outcome;
    kept.delete(name);
    const entry: Kept = { outcome: inTime(name, find(name), (ms) => keep(entry, ms)), until: Infinity };
    kept.set(name, entry);
    forgetOldest();
    return entry.outcome;
  }

  function keep(entry: Kept, ms: number): void {
    entry.until = performance.now() + ms;
  }

  function forgetOldest(): void {
    for (const [name, { until }] of kept) {
      if (kept.size <= mostKept) return;
      if (until !== Infinity) kept.delete(name);
    }
  }

  return {
    resolve,
    isAwaited: (name) => kept.get(name)?.until === Infinity,
    close: () => channel.cancel(),
  };
}

/** An answer within the deadline; `over` hears for how long it holds. */
async function inTime(
  name: string,
  finding: Promise<Found>,
  over: (keptMs: number) => void,
): Promise<LookupAddress[]> {
  const late = new AbortController();
  const deadline = sleep(deadlineMs, undefined, { signal: late.signal, ref: false }).then(() => {
    throw new LookupError(failed(name, reasons.ETIMEOUT!));
  });
  try {
    const { addresses, ttlMs } = await Promise.race([finding, deadline]);
    over(Math.min(ttlMs, longestKeptMs));
    return addresses;
  } catch (error) {
    over(failureKeptMs);
    throw error;
  } finally {
    late.abort();
    deadline.catch(() => {});
    finding.catch(() => {});
  }
}

interface Failure {
  why: string;
  /** There is no such name, or it has no address. */
  isAbsent: boolean;
  isSilent: boolean;
}

/** Both families at once. */
async function ask(channel: dns.Resolver, name: string): Promise<Found | Failure> {
  const asked = [channel.resolve4(name, { ttl: true }), channel.resolve6(name, { ttl: true })].map(
    (records) =>
      records.then(
        (found) => ({
          addresses: found.map(({ address }) => withFamily(address)),
          ttlMs: Math.min(...found.map(({ ttl }) => ttl * 1000)),
        }),
        toFailure,
      ),
  );
  const first = await Promise.race(asked);
  const rest = "addresses" in first ? sleep(otherFamilyMs, undefined, { ref: false }) : undefined;
  const [four, six] = await Promise.all(asked.map((one) => Promise.race([one, ...(rest ? [rest] : [])])));
  const found = [four, six].filter((one): one is Found => one !== undefined && "addresses" in one);
  if (found.length > 0) {
    return {
      addresses: found.flatMap(({ addresses }) => addresses),
      ttlMs: Math.min(...found.map(({ ttlMs }) => ttlMs)),
    };
  }
  const failures = [four, six] as Failure[];
  return failures.find(({ isAbsent }) => !isAbsent) ?? failures[0]!;
}

function toFailure(error: NodeJS.ErrnoException): Failure {
  const { code = "" } = error;
  return {
    why: reasons[code] ?? `the lookup failed (${code || error.message})`,
    isAbsent: code === "ENOTFOUND" || code === "ENODATA",
    isSilent: code === "ETIMEOUT" || code === "ECANCELLED",
  };
}

function failed(name: string, why: string): string {
  return `${name} could not be resolved: ${why}.`;
}

const reasons: Record<string, string> = {
  ENOTFOUND: "there is no such name",
  ENODATA: "it has no address",
  ESERVFAIL: "its name servers failed",
  EREFUSED: "the name server refused to answer",
  ETIMEOUT: "its name servers do not answer",
  ECONNREFUSED: "no name server can be reached",
  EBADNAME: "it is no name of a host",
  ECANCELLED: "the lookup was canceled",
};

/** The addresses of localhost. RFC 6761, section 6.3: whoever asks a name server for these gives the answer away. */
export function localhost(name: string): string[] | undefined {
  return /^(.+\.)?localhost\.?$/.test(name) ? ["127.0.0.1", "::1"] : undefined;
}

function withFamily(address: string): LookupAddress {
  return { address, family: address.includes(":") ? 6 : 4 };
}
