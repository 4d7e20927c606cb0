import type { Operation } from "@org/scheduler-contract";

/** The same numbers for the same seed. https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const texts = [
  "",
  " ",
  "null",
  "undefined",
  "NaN",
  "0",
  "-1",
  "true",
  "[]",
  "{}",
  "%00",
  "\u0000",
  "a\u0000b",
  "\u202e\u2066",
  "\ud800",
  "\udfff\ud800",
  "é".normalize("NFD"),
  "𝒳💣",
  "ﷺ".repeat(50),
  "'; drop table scheduler.jobs; --",
  "' or '1'='1",
  '") union select token from tokens --',
  "1); select pg_sleep(10); --",
  "$1",
  "\\",
  "\\x00",
  "a\r\nX-Injected: yes",
  "a\nb",
  "secret://",
  "secret://../../x",
  "{{execution_id}}",
  "{{constructor}}",
  "../../../etc/passwd",
  "..%2f..%2f",
  "/etc/passwd",
  "file:///etc/passwd",
  "http://169.254.169.254/latest/meta-data",
  "http://[::ffff:127.0.0.1]:22/",
  "http://user:pass@a.example/",
  "javascript:alert(1)",
  "<script>alert(1)</script>",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "job_01h455vb4pex5vsknk084sn02q",
  "exec_7zzzzzzzzzzzzzzzzzzzzzzzzz",
  "job_8zzzzzzzzzzzzzzzzzzzzzzzzz",
  "usr_00000000000000000000000000",
  "* * * * *",
  "*/0 * * * *",
  "60 24 32 13 8",
  "@reboot",
  "in 99999999999h",
  "PT2H",
  "9999-12-31T23:59:59Z",
  "0000-00-00T00:00:00Z",
  "+275760-09-13T00:00:00.001Z",
  "2026-02-30T25:61:61Z",
  "Europe/Nowhere",
  "(a+)+$",
  "(?<=a)b",
  "a".repeat(256),
  "a".repeat(5000),
  "x".repeat(70_000),
];

const numbers = [0, -0, -1, 1, 1.5, 1e308, -1e308, 1e-320, 2 ** 31, 2 ** 53, 2 ** 63, 999_999_999_999];

function deep(levels: number): unknown {
  let value: unknown = "deep";
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const objects: (() => unknown)[] = [
  () => null,
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => JSON.parse('{"__proto__": {"polluted": true}}') as unknown,
  () => JSON.parse('{"constructor": {"prototype": {"polluted": true}}}') as unknown,
  () => JSON.parse('{"toString": "x", "valueOf": 1, "then": "y"}') as unknown,
  () => Array.from({ length: 1001 }, (_, index) => index),
  () => Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, index])),
  () => deep(20),
  () => deep(200),
  () => ({ "": "", " ": " ", "\u0000": "\u0000" }),
  () => ({ type: "status_equals", value: {} }),
  () => ({ max: -1, period_seconds: 0 }),
  () => ({ max_attempts: 1e9, delays_seconds: ["x"] }),
  () => ({ "X-A\r\nB": "c", Host: "evil" }),
];

export interface Hostile {
  pick<One>(list: readonly One[]): One;
  value(): unknown;
  text(): string;
  chance(of: number): boolean;
}

export function hostileFrom(random: () => number): Hostile {
  const pick = <One>(list: readonly One[]): One => list[Math.floor(random() * list.length)]!;
  const chance = (of: number): boolean => random() < of;
  const text = (): string => (chance(0.1) ? pick(texts) + pick(texts) : pick(texts));
  return {
    pick,
    chance,
    text,
    value() {
      if (chance(0.5)) return text();
      if (chance(0.4)) return pick(numbers);
      return chance(0.2) ? pick([true, false]) : pick(objects)();
    },
  };
}

/** What fits most fields of a name, so that the hostile ones beside it are met where it counts. */
const fitting: Record<string, unknown> = {
  name: "fuzzed",
  url: "https://a.example/x",
  draft: true,
  agent: "fuzzed-agent",
  message: "Hello",
  cron: "0 9 1 1 *",
  email: "fuzzed@a.example",
  password: "long enough",
  type: "webhook",
  event: "on_failure",
  value: "hush-hush",
  key: "fuzzed-key",
  kind: "service",
  jobs: [{ name: "fuzzed", url: "https://a.example", draft: true }],
  policy: "default: allow",
  tool: "create_job",
  limit: 5,
  dry_run: true,
  all: true,
};

/** An input of an operation in which some fields fit and others are anything. */
export function inputFor({ input }: Operation, hostile: Hostile): Record<string, unknown> {
  const entries = Object.keys(input.shape).flatMap((field): [string, unknown][] => {
    const isNeeded = !input.shape[field]!.safeParse(undefined).success;
    if (!isNeeded && hostile.chance(0.7)) return [];
    return [[field, field in fitting && hostile.chance(0.5) ? fitting[field] : hostile.value()]];
  });
  if (hostile.chance(0.1)) entries.push([hostile.text(), hostile.value()]);
  // Nothing is to be sent, nobody to be waited for.
  const calm = {
    ...("draft" in input.shape && { draft: true }),
    ...("wait_seconds" in input.shape && { wait_seconds: 0 }),
  };
  return { ...Object.fromEntries(entries), ...(hostile.chance(0.9) && calm) };
}

/** Bodies that are no JSON object, or not quite. */
export const rawBodies = [
  "{",
  "[]",
  "null",
  '"text"',
  "1e999",
  '{"name": "a", "name": "b", "url": "https://a.example", "draft": true}',
  '{"__proto__": {"draft": true}, "name": "a", "url": "https://a.example", "draft": true}',
  '{"name": "\\ud800", "url": "https://a.example", "draft": true}',
  `{"name": ${"[".repeat(2000)}${"]".repeat(2000)}}`,
  `{"a": ${"9".repeat(10_000)}}`,
  '{"name": "a"} trailing',
  "\u0000",
  "{'name': 'a'}",
];
