import { expect, test, vi } from "vitest";
import { type AtVersion, versioned } from "./versioned.ts";

const key = (name: string) => Buffer.from(name);

test("a scope without secrets is never asked about", () => {
  const load = vi.fn<(scopeId: number) => Promise<AtVersion<Buffer[]>>>();
  expect(versioned(load, []).of(1, 0)).toEqual([]);
  expect(load).not.toHaveBeenCalled();
});

test("each version is loaded once, however many ask for it, and older ones are not asked for again", async () => {
  const loads: number[] = [];
  let version = 1;
  const keyring = versioned<Buffer[]>(async (scopeId) => {
    loads.push(scopeId);
    return { version, held: [key(`${scopeId}/${version}`)] };
  }, []);
  await Promise.all([keyring.of(1, 1), keyring.of(1, 1), keyring.of(2, 1)]);
  expect(loads).toEqual([1, 2]);
  expect(keyring.of(1, 1)).toEqual([key("1/1")]);
  version = 2;
  expect(await keyring.of(1, 2)).toEqual([key("1/2")]);
  expect(keyring.of(1, 1)).toEqual([key("1/2")]);
  expect(loads).toEqual([1, 2, 1]);
});

test("a load that read before the change is not taken for the version after it", async () => {
  const answers: AtVersion<Buffer[]>[] = [
    { version: 1, held: [key("old")] },
    { version: 2, held: [key("new")] },
  ];
  const keyring = versioned(async () => answers.shift()!, []);
  const old = keyring.of(1, 1);
  expect(await keyring.of(1, 2)).toEqual([key("new")]);
  expect(await old).toEqual([key("old")]);
});

test("a failure is told to all who ask for a moment, and then it is tried again", async () => {
  vi.useFakeTimers();
  let loads = 0;
  const keyring = versioned<Buffer[]>(async () => {
    if (++loads === 1) throw new Error("no key");
    return { version: 1, held: [key("a")] };
  }, []);
  for (let time = 0; time < 3; time++) await expect(keyring.of(1, 1)).rejects.toThrow("no key");
  expect(loads).toBe(1);
  vi.advanceTimersByTime(1000);
  expect(await keyring.of(1, 1)).toEqual([key("a")]);
  vi.useRealTimers();
});
