/** What a scope signs with. */
export interface ScopeKeys {
  /** Raised whenever the scope's secrets change. */
  version: number;
  keys: Buffer[];
}

/** The signing keys of all scopes, each loaded once for each version of it that is met. */
export interface Keyring {
  /** At once where they are known. Rejects where they cannot be loaded: then nothing may be sent. */
  keysOf(scopeId: number, version: number): Buffer[] | Promise<Buffer[]>;
}

/** How long a load that failed answers for those that come after it: a broken key must not cost a query each. */
const failureHoldsMs = 1000;

export function createKeyring(load: (scopeId: number) => Promise<ScopeKeys>): Keyring {
  const known = new Map<number, ScopeKeys>();
  const loading = new Map<number, Promise<ScopeKeys>>();

  function begin(scopeId: number): Promise<ScopeKeys> {
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

  function keysOf(scopeId: number, version: number): Buffer[] | Promise<Buffer[]> {
    if (version === 0) return [];
    const found = known.get(scopeId);
    if (found && found.version >= version) return found.keys;
    const promise = loading.get(scopeId) ?? begin(scopeId);
    // A load that was under way may have read before the change that this version is of.
    return promise.then((loaded) => (loaded.version >= version ? loaded.keys : keysOf(scopeId, version)));
  }
  return { keysOf };
}
