/** A map that forgets its oldest entry when it holds `limit`; `set` answers the value. */
export function boundedCache<Key, Value>(limit: number) {
  const entries = new Map<Key, Value>();
  return {
    get: (key: Key): Value | undefined => entries.get(key),
    set(key: Key, value: Value): Value {
      const [oldest] = entries.size >= limit ? entries.keys() : [];
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(key, value);
      return value;
    },
  };
}
