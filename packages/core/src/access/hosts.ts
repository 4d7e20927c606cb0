/** Whether a pattern of `bounds.hosts` is for a host; both in lower case, the host with its port where it has one. */
export function hostMatches(pattern: string, host: string): boolean {
  const wide = split(pattern);
  const one = split(host);
  if (wide.port !== "" && wide.port !== one.port) return false;
  return wide.name.startsWith("*.") ? one.name.endsWith(wide.name.slice(1)) : one.name === wide.name;
}

/** Whether all hosts of one pattern are hosts of another. */
export function hostCovers(pattern: string, other: string): boolean {
  return split(pattern).name === split(other).name
    ? ["", split(other).port].includes(split(pattern).port)
    : hostMatches(pattern, other);
}

function split(host: string): { name: string; port: string } {
  const [, name = "", port = ""] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
  return { name, port };
}
