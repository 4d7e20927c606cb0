/** What stands for something that is known only when a request is sent. All but `attempt` are the same for every attempt. */
export const templateNames = ["timestamp", "uuid", "execution_id", "scheduled_for", "attempt"] as const;
export type Templates = Record<(typeof templateNames)[number], string>;

/** A backslash before it says that it is meant literally; in JSON, a backslash is written as two. */
export const template = `(\\\\{1,2})?\\{\\{(${templateNames.join("|")})\\}\\}`;

const known = new RegExp(template, "g");
const braces = /\{\{[^{}\n]{0,60}\}\}/g;

/** What is in double braces and is sent as it is, without a backslash that says that it is meant so. */
export function unknownIn(texts: readonly string[]): string[] {
  const found = texts
    .filter((text) => text.includes("{{"))
    .flatMap((text) => text.replace(known, "").match(braces) ?? []);
  return [...new Set(found)];
}
