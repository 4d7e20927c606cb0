/** `secret://name`, also as JSON may write its slashes. The longest run of a name's characters counts. */
export const reference = "secret:(?:\\/\\/|\\\\\\/\\\\\\/)([A-Za-z0-9_-]{1,64})";

const references = new RegExp(reference, "g");

/** The names of the secrets that texts refer to, each once. */
export function namesIn(texts: readonly string[]): string[] {
  const names = texts
    .filter((text) => text.includes("secret:"))
    .flatMap((text) => [...text.matchAll(references)].map(([, name]) => name!));
  return [...new Set(names)];
}

/** What is shown in the place of a value. */
export function markOf(name: string): string {
  return `[secret:${name}]`;
}
