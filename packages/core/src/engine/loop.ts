import { type Log, reasonOf } from "../log.ts";

export interface Loop {
  /** Makes the next turn come at once instead of after its pause. */
  wake(): void;
  /** Lets the current turn finish and turns no more. */
  stop(): Promise<void>;
  /** Milliseconds since a turn last ended well. */
  age(): number;
}

export interface LoopOptions {
  name: string;
  /** One turn; answers how many milliseconds to pause before the next. */
  turn: () => Promise<number>;
  log: Log;
}

const firstRetryMs = 100;
const lastRetryMs = 5000;

/**
 * Turns for ever: whatever a turn throws is logged and tried again, sooner at first. The longest pause stays
 * under what readiness and recovery promise after a database restart.
 */
export function startLoop({ name, turn, log }: LoopOptions): Loop {
  let stopped = false;
  let woken = false;
  let failures = 0;
  let endPause: (() => void) | undefined;
  let lastTurn = performance.now();

  // While turns fail, a wake waits: wakes come with every outcome and notice, and would leave no pause at all.
  const isDisturbed = (): boolean => stopped || (woken && failures === 0);

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (isDisturbed()) return resolve();
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        if (!isDisturbed()) return;
        clearTimeout(timer);
        resolve();
      };
    });

  const failed = (error: unknown): number => {
    failures++;
    // A database that is away for hours fails every loop every few seconds: that is told ever more rarely.
    const isNews = Number.isInteger(Math.log2(failures));
    if (isNews)
      log.error({ loop: name, error: reasonOf(error), failures }, `the ${name} loop failed; trying again`);
    return Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs) * (0.5 + Math.random() / 2);
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      woken = false;
      let pauseMs: number;
      try {
        pauseMs = await turn();
        lastTurn = performance.now();
        if (failures > 0) log.info({ loop: name }, `the ${name} loop turns again`);
        failures = 0;
      } catch (error) {
        pauseMs = failed(error);
      }
      if (pauseMs > 0) await pause(pauseMs);
      endPause = undefined;
    }
  };
  const done = run();

  return {
    wake() {
      woken = true;
      endPause?.();
    },
    async stop() {
      stopped = true;
      endPause?.();
      await done;
    },
    age: () => performance.now() - lastTurn,
  };
}
