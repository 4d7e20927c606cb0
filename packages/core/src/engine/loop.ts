import type { Log } from "../log.ts";

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
  let endPause: (() => void) | undefined;
  let lastTurn = performance.now();

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (woken || stopped) return resolve();
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopped) {
      woken = false;
      let pauseMs: number;
      try {
        pauseMs = await turn();
        lastTurn = performance.now();
        if (failures > 0) log.info({ loop: name }, `the ${name} loop turns again`);
        failures = 0;
      } catch (error) {
        failures++;
        pauseMs = Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs) * (0.5 + Math.random() / 2);
        log.error(
          { loop: name, error: (error as Error).message, failures },
          `the ${name} loop failed; trying again`,
        );
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
