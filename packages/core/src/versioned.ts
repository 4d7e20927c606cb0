/** What a scope had at some version of it. */
export interface AtVersion<Held> {
  /** Raised with every change. */
  version: number;
  held: Held;
}

/** What workers hold of all scopes, loaded once for each version of it that is met. */
export interface Versioned<Held> {
  /** At once where it is known. Rejects where it cannot be loaded: then nothing may be sent. */
  of(scopeId: number, version: number): Held | Promise<Held>;
}

/** How long a load that failed answers for those that come after it: a broken key must not cost a query each. */
const failureHoldsMs = 1000;

/** `empty` is what a scope has that never had any. */
export function versioned<Held>(
  load: (scopeId: number) => Promise<AtVersion<Held>>,
  empty: Held,
): Versioned<Held> {
  const known = new Map<number, AtVersion<Held>>();
  const loading = new Map<number, Promise<AtVersion<Held>>>();

  function begin(scopeId: number): Promise<AtVersion<Held>> {
    const promise = load(scopeId).then(
      (loaded) => {
        known.set(scopeId, loaded);
        loading.delete(scopeId);
        return loaded;
      },
      (error: unknown) => {
        setTimeout(() => loading.delete(scopeId), failureHoldsMs).unref();
        throw error;
      },
    );
    loading.set(scopeId, promise);
    return promise;
  }

  function of(scopeId: number, version: number): Held | Promise<Held> {
    if (version === 0) return empty;
    const found = known.get(scopeId);
    if (found && found.version >= version) return found.held;
    const promise = loading.get(scopeId) ?? begin(scopeId);
    // A load that was under way may have read before the change that this version is of.
    return promise.then((loaded) => (loaded.version >= version ? loaded.held : of(scopeId, version)));
  }
  return { of };
}
