import { describe, expect, test } from "vitest";
import type { AttemptErrorCode } from "@org/scheduler-contract";
import { answered } from "../testing/answered.ts";
import type { Answer } from "./answer.ts";
import { type Circuits, createCircuits } from "./circuits.ts";

const start = Date.parse("2026-03-01T12:00:00Z");
const dead = { scope_id: 1, host: "dead.example.com" };
const refused: Answer = {
  ...answered,
  status: "connection_error",
  errorCode: "refused",
  statusCode: null,
  headers: null,
};

const none = (errorCode: AttemptErrorCode, status: Answer["status"] = "connection_error"): Answer => ({
  ...refused,
  status,
  errorCode,
});

/** Circuits, and requests that leave and are answered one after the other. */
function setUp(most?: number) {
  const circuits: Circuits = createCircuits(most);
  let ids = 0;
  function attempt(at: number, answer: Answer = refused, to = dead) {
    const execution = { ...to, id: `execution ${++ids}` };
    const leave = circuits.ask(execution, at);
    if (leave === "leaves") circuits.notice(execution, answer, at);
    return leave;
  }
  function fail(times: number, at = start, to = dead): void {
    for (let time = 0; time < times; time++) expect(attempt(at, refused, to)).toBe("leaves");
  }
  return { circuits, attempt, fail };
}

describe("a circuit", () => {
  test("opens after ten attempts in a row without an answer, for a second", () => {
    const { circuits, attempt, fail } = setUp();
    fail(9);
    expect(circuits.open()).toEqual([]);
    fail(1);
    expect(circuits.open()).toEqual([
      { ...dead, opened_at: new Date(start), probe_at: new Date(start + 1000), failures: 10 },
    ]);
    expect(attempt(start)).toEqual({ untilMs: start + 1000, failures: 10 });
    expect(attempt(start + 999)).toEqual({ untilMs: start + 1000, failures: 10 });
  });

  test("lets one probe through, and only that", () => {
    const { circuits, attempt, fail } = setUp();
    fail(10);
    const probe = { ...dead, id: "probe" };
    expect(circuits.ask(probe, start + 1000)).toBe("leaves");
    expect(attempt(start + 1000)).toEqual({ untilMs: start + 2000, failures: 10 });
    expect(attempt(start + 60_000)).toEqual({ untilMs: start + 61_000, failures: 10 });
    circuits.notice(probe, answered, start + 60_000);
    expect(circuits.open()).toEqual([]);
    expect(attempt(start + 60_000)).toBe("leaves");
  });

  test("stays open twice as long after each probe that fails, up to half a minute", () => {
    const { circuits, attempt, fail } = setUp();
    fail(10);
    const pauses: number[] = [];
    let now = start + 1000;
    for (let probe = 0; probe < 7; probe++) {
      expect(attempt(now)).toBe("leaves");
      const next = circuits.open()[0]!.probe_at.getTime();
      pauses.push(next - now);
      expect(attempt(next - 1)).not.toBe("leaves");
      now = next;
    }
    expect(pauses).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(circuits.open()).toMatchObject([{ opened_at: new Date(start), failures: 17 }]);
  });

  test("starts over after an answer: ten failures again, and a second", () => {
    const { circuits, attempt, fail } = setUp();
    fail(10);
    attempt(start + 1000);
    attempt(start + 3000, answered);
    fail(9, start + 4000);
    expect(circuits.open()).toEqual([]);
    fail(1, start + 4000);
    expect(circuits.open()).toMatchObject([{ probe_at: new Date(start + 5000), failures: 10 }]);
  });

  test("is closed by the answer to a request that left before it opened, and kept by its failure", () => {
    const { circuits, fail } = setUp();
    const [slow, slower] = [
      { ...dead, id: "slow" },
      { ...dead, id: "slower" },
    ];
    for (const execution of [slow, slower]) expect(circuits.ask(execution, start)).toBe("leaves");
    fail(10);
    circuits.notice(slow, refused, start + 500);
    expect(circuits.open()).toMatchObject([{ probe_at: new Date(start + 1000), failures: 11 }]);
    circuits.notice(slower, answered, start + 600);
    expect(circuits.open()).toEqual([]);
  });
});

describe("what counts", () => {
  test.each(["dns", "refused", "reset", "tls", "connection"] as const)("%s is no answer", (code) => {
    const { circuits, attempt } = setUp();
    for (let time = 0; time < 10; time++) attempt(start, none(code));
    expect(circuits.open()).toHaveLength(1);
  });

  test("a timeout is no answer", () => {
    const { circuits, attempt } = setUp();
    for (let time = 0; time < 10; time++) attempt(start, none("timeout", "timeout"));
    expect(circuits.open()).toHaveLength(1);
  });

  test.each([
    ["200", answered],
    ["500", { ...answered, statusCode: 500 }],
    ["a status before the connection broke", { ...refused, statusCode: 200 }],
    ["a status before time was up", { ...none("timeout", "timeout"), statusCode: 200 }],
    ["a redirect to who does not answer", { ...refused, statusCode: 302 }],
  ])("%s is an answer", (_, answer) => {
    const { circuits, attempt, fail } = setUp();
    fail(9);
    attempt(start, answer);
    fail(9);
    expect(circuits.open()).toEqual([]);
  });

  test.each([
    ["interrupted", none("worker_lost", "interrupted")],
    ["canceled", none("canceled", "canceled")],
    ["canceled in the middle of an answer", { ...none("canceled", "canceled"), statusCode: 200 }],
    ["blocked", none("address_blocked", "blocked")],
    ["never made", none("invalid_request")],
    ["held back", none("circuit_open")],
  ])("an attempt that was %s is neither", (_, answer) => {
    const { circuits, attempt, fail } = setUp();
    fail(9);
    for (let time = 0; time < 5; time++) attempt(start, answer);
    expect(circuits.open()).toEqual([]);
    fail(1);
    expect(circuits.open()).toHaveLength(1);
    // As a probe it gives its place to the next.
    expect(attempt(start + 1000, answer)).toBe("leaves");
    expect(attempt(start + 1000, answered)).toBe("leaves");
    expect(circuits.open()).toEqual([]);
  });
});

test("another scope's requests and other hosts are not held back", () => {
  const { attempt, fail } = setUp();
  fail(10);
  expect(attempt(start, answered, { ...dead, scope_id: 2 })).toBe("leaves");
  expect(attempt(start, answered, { ...dead, host: "dead.example.com:8080" })).toBe("leaves");
  expect(attempt(start)).not.toBe("leaves");
});

test("hosts beyond a number are forgotten, those asked the longest time ago first", () => {
  const { circuits, fail } = setUp(3);
  for (const host of ["a", "b", "c"]) fail(10, start, { scope_id: 1, host });
  fail(1, start + 1000, { scope_id: 1, host: "a" });
  fail(10, start + 1000, { scope_id: 1, host: "d" });
  expect(circuits.open().map(({ host }) => host)).toEqual(["c", "a", "d"]);
});
