import { describe, expect, test } from "vitest";
import { answered } from "../testing/answered.ts";
import type { Answer } from "../sending/answer.ts";
import { destinationOf } from "../sending/destination.ts";
import { createSlots, type Slots } from "./slots.ts";
import type { StartedExecution } from "../executions/life.sql.ts";

/** Slots whose requests are answered by hand. */
function openSlots(count: number) {
  const sent = new Map<string, (answer: Partial<Answer>) => void>();
  const over: string[] = [];
  const slots = createSlots(count, {
    begin({ id }) {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const answer = (fields: Partial<Answer>): void => resolve({ ...answered, ...fields });
      sent.set(id, answer);
      return { answer: promise, startedAt: () => new Date(0), abort: (status) => answer({ status }) };
    },
    over: ({ id }, { status }) => over.push(`${id} ${status}`),
  });
  const hold = (host: string, ...ids: string[]): void => {
    for (const id of ids) slots.hold({ ...destinationOf(share(host)), id, clock: 0 } as StartedExecution);
  };
  const answer = async (id: string, fields: Partial<Answer> = {}): Promise<void> => {
    sent.get(id)!(fields);
    await new Promise(setImmediate);
  };
  return { slots, hold, answer, sent: () => [...sent.keys()], over };
}

/** Of the first scope, where none is named. */
const share = (name: string): string => (name.includes(" ") ? name : `1 ${name}`);

function admitAll(slots: Slots, hosts: string[]): Record<string, number> {
  const { admit } = slots.admission(0, []);
  const admitted: Record<string, number> = {};
  for (const host of hosts) if (admit(destinationOf(share(host)))) admitted[host] = (admitted[host] ?? 0) + 1;
  return admitted;
}

const ids = (count: number, prefix = "e"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe("what is claimed ahead", () => {
  test("is sent in its order as slots become free, never more at once than there are", async () => {
    const { slots, hold, answer, sent, over } = openSlots(2);
    expect(slots.room(3)).toBe(5);
    hold("a", ...ids(4));
    expect(sent()).toEqual(["e0", "e1"]);
    expect([slots.busy(), slots.room(0), slots.room(3)]).toEqual([2, 0, 1]);
    await answer("e1");
    expect(sent()).toEqual(["e0", "e1", "e2"]);
    expect(over).toEqual(["e1 succeeded"]);
    expect(slots.held().map(({ id }) => id)).toEqual(["e0", "e2", "e3"]);
  });

  test("goes before the others where it counts elsewhere already", async () => {
    const { slots, hold, answer, sent } = openSlots(1);
    hold("a", "e0", "e1", "e2");
    slots.hold({ scope_id: 1, id: "first", host: "b", clock: 0 } as StartedExecution, { first: true });
    await answer("e0");
    await answer("first");
    await answer("e1");
    expect(sent()).toEqual(["e0", "first", "e1", "e2"]);
  });

  test("and canceled before there was a slot is never sent", async () => {
    const { slots, hold, answer, sent, over } = openSlots(1);
    hold("a", ...ids(3));
    slots.abort("e1", "canceled");
    await answer("e0");
    expect(sent()).toEqual(["e0", "e2"]);
    expect(over).toEqual(["e1 canceled", "e0 succeeded"]);
  });

  test("is not sent by a worker that stops, which ends with nothing in hand", async () => {
    const { slots, hold, sent, over } = openSlots(1);
    hold("a", ...ids(3));
    const idle = slots.idle();
    await slots.interrupt();
    await idle;
    expect(sent()).toEqual(["e0"]);
    expect(over.toSorted()).toEqual(["e0 interrupted", "e1 interrupted", "e2 interrupted"]);
    expect(slots.held().map(({ id }) => id)).toEqual([]);
  });
});

describe("a host", () => {
  const many = (host: string): string[] => Array.from({ length: 200 }, () => host);

  test("that nobody knows yet gets four fifths of the slots", () => {
    expect(admitAll(openSlots(100).slots, many("a"))).toEqual({ a: 80 });
  });

  test("that answers soon gets nearly all of them", async () => {
    const { slots, hold, answer } = openSlots(90);
    hold("a", "e0", "e1");
    await answer("e0");
    expect(admitAll(slots, many("a"))).toEqual({ a: 79 });
  });

  test("that is slow gets a share that leaves room for others, however often it asks", async () => {
    const { slots, hold, answer } = openSlots(100);
    for (const host of ["a", "b"]) {
      hold(host, `${host}-first`);
      await answer(`${host}-first`, { latencyMs: 900 });
    }
    for (let pass = 0; pass < 10; pass++) {
      for (const host of ["a", "b"]) {
        const { [host]: more = 0 } = admitAll(slots, many(host));
        hold(host, ...ids(more, `${host}${pass}-`));
      }
    }
    expect(slots.room(0)).toBeGreaterThanOrEqual(10);
    expect(admitAll(slots, many("c")).c).toBeGreaterThanOrEqual(5);
  });

  test.each([
    ["timed out", { status: "timeout" as const }],
    ["answered late", { latencyMs: 300 }],
  ])("that %s is a slow one from then on", async (_, last) => {
    const { slots, hold, answer } = openSlots(90);
    hold("a", "e0", "e1", "e2");
    await answer("e0");
    await answer("e1", last);
    expect(admitAll(slots, many("a")).a).toBeLessThan(61);
  });

  test("that is full is passed over, and not any more once it has room", async () => {
    const { slots, hold, answer } = openSlots(10);
    hold("a", ...ids(8));
    const admission = slots.admission(0, ["1 a", "1 b"]);
    expect(admission.full).toEqual(["1 a"]);
    expect(["1 a", "1 b"].map((one) => admission.admit(destinationOf(one)))).toEqual([false, true]);
    expect(admission.heldBack()).toEqual(["1 a"]);
    await answer("e0");
    expect(slots.admission(0, ["1 a"]).full).toEqual([]);
  });

  test("keeps a slot or two even where others have left nothing", () => {
    const { slots, hold } = openSlots(40);
    hold("a", ...ids(39));
    expect(admitAll(slots, many("2 b"))).toEqual({ "2 b": 1 });
  });
});

describe("a scope", () => {
  const fleet = (size: number, scope = 1): string[] => ids(size, `${scope} host`);

  test("with a fleet of hosts that nobody knows leaves a tenth of the slots to others", () => {
    const { slots, hold } = openSlots(100);
    for (const host of Object.keys(admitAll(slots, fleet(300)))) hold(host, `${host} first`);
    expect(slots.room(0)).toBeGreaterThanOrEqual(10);
    expect(admitAll(slots, fleet(300))).toEqual({});
    expect(Object.keys(admitAll(slots, fleet(50, 2))).length).toBeGreaterThanOrEqual(8);
  });

  test("with a fleet of hosts that hang leaves a fifth, and its own host that answers soon has that as well", async () => {
    const { slots, hold, answer } = openSlots(100);
    hold("1 good", "good");
    await answer("good");
    for (const host of fleet(100)) hold(host, `${host} first`);
    for (const host of fleet(100)) await answer(`${host} first`, { status: "timeout" });
    for (const host of Object.keys(admitAll(slots, fleet(100)))) hold(host, `${host} again`);
    expect(slots.room(0)).toBe(20);
    expect(admitAll(slots, ["1 good", "1 good", "2 other", "2 other", ...fleet(100)])).toEqual({
      "1 good": 2,
      "2 other": 2,
    });
  });

  test("whose hosts answer soon has nearly all, however many they are", async () => {
    const { slots, hold, answer } = openSlots(90);
    for (const host of fleet(50)) hold(host, host);
    for (const host of fleet(50)) await answer(host);
    expect(Object.keys(admitAll(slots, [...fleet(50), ...fleet(50)])).length).toBe(50);
    expect(slots.room(0)).toBe(90);
  });
});
