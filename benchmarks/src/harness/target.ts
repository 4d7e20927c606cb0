import { startChild } from "./child.ts";
import type { Noted, TargetSettings } from "./target-process.ts";

export interface BenchTarget extends AsyncDisposable {
  url: string;
  /** Different origins; the first of them is `url`. */
  urls: string[];
  /** Forgets what arrived, and says how many requests to wait for. */
  reset(settings: Partial<TargetSettings>): Promise<void>;
  /** Resolves when the expected number of different paths has arrived; rejects after `timeoutMs`. */
  arrived(timeoutMs?: number): Promise<void>;
  noted(): Promise<Noted[]>;
}

/** Starts the target in a process of its own. */
export async function startBenchTarget(): Promise<BenchTarget> {
  const child = await startChild("target");
  const urls = await child.call("urls");
  let expected = Infinity;
  return {
    url: urls[0]!,
    urls,
    async reset(settings) {
      expected = settings.expected ?? Infinity;
      await child.call("reset", { expected, delayMs: settings.delayMs ?? 0 });
    },
    async arrived(timeoutMs = 120_000) {
      const late = Promise.withResolvers<"late">();
      const timer = setTimeout(late.resolve, timeoutMs, "late");
      const first = await Promise.race([child.call("arrived"), late.promise]);
      clearTimeout(timer);
      if (first !== "late") return;
      const { length } = await child.call("noted");
      throw new Error(`${length} requests of ${expected} arrived within ${timeoutMs / 1000} s`);
    },
    noted: () => child.call("noted"),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
