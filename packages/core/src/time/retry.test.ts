import { describe, expect, it } from "vitest";
import { defaultRetry, retryDelayMs } from "./retry.ts";

const exact = { ...defaultRetry, jitter: false };

function delays(policy: typeof defaultRetry, count: number): number[] {
  return Array.from({ length: count }, (_, index) => retryDelayMs(policy, index + 1, 0));
}

describe("retryDelayMs", () => {
  it("doubles from five seconds to an hour by default", () => {
    expect(delays(exact, 12)).toEqual(
      [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600].map((seconds) => seconds * 1_000),
    );
  });

  it("keeps a fixed delay", () => {
    expect(delays({ ...exact, strategy: "fixed", base_seconds: 1.5 }, 3)).toEqual([1_500, 1_500, 1_500]);
  });

  it("follows a list and stays at its last delay", () => {
    expect(delays({ ...exact, strategy: "list", delays_seconds: [60, 1_800] }, 4)).toEqual([
      60_000, 1_800_000, 1_800_000, 1_800_000,
    ]);
    expect(delays({ ...exact, strategy: "list", delays_seconds: [] }, 1)).toEqual([5_000]);
  });

  it("never exceeds max_seconds", () => {
    expect(delays({ ...exact, strategy: "list", delays_seconds: [10_000], max_seconds: 60 }, 1)).toEqual([
      60_000,
    ]);
    expect(delays({ ...exact, strategy: "fixed", max_seconds: 1 }, 1)).toEqual([1_000]);
    expect(retryDelayMs({ ...exact, factor: 100 }, 1_000, 0)).toBe(3_600_000);
  });

  it("spreads a jittered delay between 100 ms and the full delay", () => {
    expect(retryDelayMs(defaultRetry, 1, 0)).toBe(100);
    expect(retryDelayMs(defaultRetry, 1, 0.5)).toBe(2_550);
    expect(retryDelayMs(defaultRetry, 1, 0.999_999)).toBe(5_000);
  });

  it("leaves a delay alone that is shorter than the least jitter", () => {
    const policy = { ...defaultRetry, strategy: "fixed" as const };
    expect(retryDelayMs({ ...policy, base_seconds: 0 }, 1, 0.9)).toBe(0);
    expect(retryDelayMs({ ...policy, base_seconds: 0.05 }, 1, 0.9)).toBe(50);
    expect(retryDelayMs({ ...defaultRetry, base_seconds: 0 }, 1_000_000, 0.9)).toBe(0);
  });
});
