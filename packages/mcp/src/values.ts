/** A text is cut only where that saves more than it costs to say so. */
const roomForNote = 40;

/** The beginning of a text that is too long, and how much is left. */
export function cutText(text: string, length: number): string {
  if (text.length <= length + roomForNote) return text;
  // Half of a surrogate pair is no character.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length;
  return `${text.slice(0, end)}… [${text.length - end} more characters]`;
}

/** A JSON value with every text in it cut. */
export function cutTextsIn<Value>(value: Value, length: number): Value {
  return editValues(value, (part) => (typeof part === "string" ? cutText(part, length) : part)) as Value;
}

/** Edits a JSON value and everything in it, outside first. */
export function editValues(value: unknown, edit: (value: unknown) => unknown): unknown {
  const edited = edit(value);
  if (Array.isArray(edited)) return edited.map((item) => editValues(item, edit));
  if (typeof edited !== "object" || edited === null) return edited;
  return Object.fromEntries(Object.entries(edited).map(([name, item]) => [name, editValues(item, edit)]));
}
