/** Whether all hosts of one pattern are hosts of another. */
export function hostCovers(pattern: string, other: string): boolean {
  const wide = split(pattern);
  const narrow = split(other);
  if (wide.port !== "" && wide.port !== narrow.port) return false;
  if (wide.name === narrow.name) return true;
  return wide.name.startsWith("*.") && narrow.name.endsWith(wide.name.slice(1));
}

function split(host: string): { name: string; port: string } {
  const [, name = "", port = ""] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
  return { name, port };
}
