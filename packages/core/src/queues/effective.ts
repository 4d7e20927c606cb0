const inherits = { retry: "inherits_retry", timeout_seconds: "inherits_timeout" } as const;

/**
 * A setting as it holds when a request is sent: the job's own, or else its queue's, or else the default. Reads a
 * revision and, outer joined, its queue, by the names that they have in the statement.
 */
export function effective(
  setting: keyof typeof inherits,
  { revision, queue }: { revision: string; queue: string },
): string {
  const own = `${revision}.${setting}`;
  return `case when ${revision}.${inherits[setting]} then coalesce(${queue}.${setting}, ${own}) else ${own} end`;
}
