import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

/** What this machine says about names before any name server is asked. */
export interface NameFiles {
  /** The addresses that the hosts file gives a name, IPv4 first; undefined where it does not know it. */
  addressesOf(name: string): string[] | undefined;
  /** The full names that a name may stand for, in the order in which they are asked for. */
  candidates(name: string): string[];
  /** Raised with every change of the resolver's file: name servers are read once from it. */
  version(): number;
}

export interface NameFilePaths {
  hosts: string;
  resolv: string;
}

const windowsHosts = "C:\\Windows\\System32\\drivers\\etc\\hosts";
const systemPaths: NameFilePaths = {
  hosts: process.platform === "win32" ? windowsHosts : "/etc/hosts",
  resolv: "/etc/resolv.conf",
};

/** Files change while a process runs: a laptop finds another network, a container gets another neighbor. */
const lookAgainMs = 1000;

/** Reads the hosts file and the search list of the resolver's file, again whenever they change. */
export function createNameFiles(paths: NameFilePaths = systemPaths): NameFiles {
  const hosts = watched(paths.hosts, parseHosts);
  const resolv = watched(paths.resolv, parseResolv);
  return {
    addressesOf: (name) => hosts().value.get(name),
    candidates(name) {
      if (name.endsWith(".")) return [name.slice(0, -1)];
      const { search, ndots } = resolv().value;
      const inDomains = search.map((domain) => `${name}.${domain}`);
      const dots = name.split(".").length - 1;
      return dots >= ndots ? [name, ...inDomains] : [...inDomains, name];
    },
    version: () => resolv().version,
  };
}

/** A file that is not there, as on other systems, is one that says nothing. */
function watched<Value>(
  path: string,
  parse: (text: string) => Value,
): () => { value: Value; version: number } {
  let seen = { value: parse(""), version: 0 };
  let stamp = "";
  let lookedAt = -Infinity;
  return () => {
    if (performance.now() - lookedAt < lookAgainMs) return seen;
    lookedAt = performance.now();
    try {
      const { mtimeMs, size, ino } = statSync(path);
      if (stamp === `${mtimeMs} ${size} ${ino}`) return seen;
      stamp = `${mtimeMs} ${size} ${ino}`;
      seen = { value: parse(readFileSync(path, "utf8")), version: seen.version + 1 };
    } catch {
      stamp = "";
    }
    return seen;
  };
}

function linesOf(text: string): string[][] {
  return text
    .split("\n")
    .map((line) =>
      line
        .replace(/[#;].*/, "")
        .trim()
        .split(/\s+/),
    )
    .filter(([first]) => first !== "");
}

/** hosts(5) */
function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [address = "", ...aliases] of linesOf(text)) {
    if (isIP(address) === 0) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      names.set(
        name,
        [...(names.get(name) ?? []), address].toSorted((one, other) => isIP(one) - isIP(other)),
      );
    }
  }
  return names;
}

/** resolv.conf(5): the last of `search` and `domain` counts. Name servers are left to c-ares. */
function parseResolv(text: string): { search: string[]; ndots: number } {
  let search: string[] = [];
  let ndots = 1;
  for (const [word, ...rest] of linesOf(text)) {
    if (word === "search" || word === "domain")
      search = rest.filter((domain) => domain !== ".").map((domain) => domain.replace(/\.$/, ""));
    if (word === "options") {
      const option = rest.findLast((one) => one.startsWith("ndots:"));
      if (option !== undefined) ndots = Math.min(15, Number.parseInt(option.slice(6), 10) || 0);
    }
  }
  return { search, ndots };
}
