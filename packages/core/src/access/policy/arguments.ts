import { mask } from "../../encryption/mask.ts";

/** Names under which people write what others must not see. */
const sensitive =
  /secret|token|password|passwd|credential|authorization|cookie|api.?key|private.?key|signature|^value$/i;
const longestText = 500;
const mostItems = 50;

/** Arguments as whoever decides about a call may see them: without what looks like a credential, and not at any length. */
export function withoutSecrets(value: unknown, name = "", depth = 0): unknown {
  if (value !== null && value !== undefined && sensitive.test(name)) return mask;
  if (typeof value === "string")
    return value.length <= longestText ? value : `${value.slice(0, longestText)}…`;
  if (typeof value !== "object" || value === null) return value;
  if (depth > 8) return "…";
  if (Array.isArray(value))
    return value.slice(0, mostItems).map((item) => withoutSecrets(item, name, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostItems)
      .map(([key, item]) => [key, withoutSecrets(item, key, depth + 1)]),
  );
}
