/** Keeps `value` under `key` and forgets the oldest entry above `limit`; answers the value. */
export function remember<Key, Value>(cache: Map<Key, Value>, limit: number, key: Key, value: Value): Value {
  if (cache.size >= limit) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  cache.set(key, value);
  return value;
}
