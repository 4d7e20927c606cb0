/** How dangerous an operation is; MCP annotations, read-only tokens and policies follow from it. */
export const risks = ["read", "write", "execute", "destructive"] as const;

/**
 * - `read` changes nothing.
 * - `write` creates or changes what is stored, and can be undone.
 * - `execute` makes requests leave this system.
 * - `destructive` takes something away for good.
 */
export type Risk = (typeof risks)[number];
