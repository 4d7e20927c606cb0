import { mask } from "../../encryption/mask.ts";

/** Names under which people write what others must not see. */
const sensitive =
  /secret|token|password|passwd|credential|authorization|cookie|api.?key|private.?key|signature|^value$/i;
const longestText = 500;
const mostItems = 50;
const deepest = 20;

/** Arguments without what looks like a credential. */
export function withoutSecrets(value: unknown, name = "", depth = 0): unknown {
  // References to secrets by their ids and names are none, and say what a call is about.
  if (typeof value === "string" && !name.endsWith("_id") && sensitive.test(name)) return mask;
  if (typeof value !== "object" || value === null) return value;
  if (depth > deepest) return "…";
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, key, depth + 1)]),
  );
}

/** The same as whoever decides about a call may want to see it: not at any length. */
export function forReading(value: unknown): unknown {
  return shortened(withoutSecrets(value));
}

function shortened(value: unknown): unknown {
  if (typeof value === "string")
    return value.length <= longestText ? value : `${value.slice(0, longestText)}…`;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, mostItems).map(shortened);
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostItems)
      .map(([key, item]) => [key, shortened(item)]),
  );
}
