const left = new Set<AsyncDisposable>();

/** Notes what runs outside this process, until it has ended. */
export function track(started: AsyncDisposable): { ended(): void } {
  left.add(started);
  return { ended: () => void left.delete(started) };
}

/** Ends what a test that failed or ran out of time has left running. */
export async function endLeftovers(): Promise<void> {
  await Promise.all([...left].map((started) => started[Symbol.asyncDispose]()));
}
