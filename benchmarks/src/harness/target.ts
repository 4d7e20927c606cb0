import { fork } from "node:child_process";
import { once } from "node:events";

export interface Noted {
  at: number;
  path: string;
}

export interface BenchTarget {
  url: string;
  /** Forgets what arrived, and says how many requests to wait for. */
  reset(options: { expected: number; delayMs?: number }): Promise<void>;
  /** Resolves when the expected number has arrived. */
  arrived(): Promise<void>;
  noted(): Promise<Noted[]>;
  stop(): void;
}

type Message =
  | { kind: "listening"; port: number }
  | { kind: "reset" | "arrived" }
  | { kind: "noted"; noted: Noted[] };

/** Starts the target process. */
export async function startBenchTarget(): Promise<BenchTarget> {
  const child = fork(new URL("./target-process.ts", import.meta.url), { serialization: "advanced" });
  const next = async <Kind extends Message["kind"]>(kind: Kind): Promise<Extract<Message, { kind: Kind }>> => {
    for (;;) {
      const [message] = (await once(child, "message")) as [Message];
      if (message.kind === kind) return message as Extract<Message, { kind: Kind }>;
    }
  };
  const { port } = await next("listening");
  let arrived = Promise.resolve();
  return {
    url: `http://127.0.0.1:${port}`,
    async reset({ expected, delayMs = 0 }) {
      const done = next("reset");
      child.send({ kind: "reset", expected, delayMs });
      await done;
      arrived = next("arrived").then(() => {});
    },
    arrived: () => arrived,
    async noted() {
      const told = next("noted");
      child.send({ kind: "tell" });
      return (await told).noted;
    },
    stop: () => child.disconnect(),
  };
}
