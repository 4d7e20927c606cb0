import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Input, Output } from "@org/scheduler-contract";
import type { Worker, WorkerOptions } from "../engine/worker.ts";
import { createScheduler, type Scheduler } from "../scheduler.ts";
import type { TestClock } from "./clock.ts";
import { openTestScheduler, type TestScheduler } from "./scheduler.ts";
import { startTarget, type Target } from "./target.ts";

// Not in index.ts, which also serves programs that run without Vitest.

type Fields = Partial<Input<"create_job">>;

/** What a file of tests works with: each test finds no jobs, no arrivals, and a target that answers 200. */
export interface TestBench {
  /** Empty until the first hook of the file has run, as is `target`. */
  setup: TestScheduler;
  target: Target;
  /** Executes an operation, for the live caller unless told. */
  run: Scheduler["execute"];
  create: (fields?: Fields) => Promise<Output<"create_job">>;
  /** Jobs that the target tells apart by their paths, /0, /1, … */
  createJobs: (count: number, more?: Fields) => Promise<void>;
}

/**
 * Opens a scheduler and a target for the file that calls it, and closes them after its last test. `clock` is put back
 * before each test; without one, time is real. `job` is what `create` makes unless told otherwise.
 */
export function testBench({ clock, job }: { clock?: TestClock; job?: Fields } = {}): TestBench {
  const setup = {} as TestScheduler;
  const target = {} as Target;
  const start = clock?.now();

  beforeAll(async () => {
    Object.assign(setup, await openTestScheduler(clock && { clock }));
    Object.assign(target, await startTarget());
  });
  beforeEach(async () => {
    if (start) clock?.set(start);
    target.arrivals.length = 0;
    target.answer(200);
    await setup.reset();
  });
  afterAll(async () => {
    await target.close();
    await setup[Symbol.asyncDispose]();
  });

  const run: TestBench["run"] = (name, input, caller = setup.caller) =>
    setup.scheduler.execute(name, input, caller);
  const create: TestBench["create"] = (fields) =>
    run("create_job", { name: "a job", url: `${target.url}/job`, ...job, ...fields });
  return {
    setup,
    target,
    run,
    create,
    async createJobs(count, more) {
      const paths = Array.from({ length: count }, (_, number) => `/${number}`);
      await Promise.all(paths.map((path) => create({ url: target.url + path, ...more })));
    },
  };
}

/** Another process, as far as the database can tell; the embedded database has none, and this is the same one. */
export function otherProcess(setup: TestScheduler, clock?: TestClock): Scheduler {
  const other = {} as Scheduler;
  beforeAll(async () => {
    const { databaseUrl } = setup;
    const onServer = { databaseUrl, clock, allowedTargets: ["127.0.0.0/8"] };
    Object.assign(other, databaseUrl === undefined ? setup.scheduler : await createScheduler(onServer));
  });
  afterAll(async () => {
    if (setup.databaseUrl !== undefined) await other.close();
  });
  return other;
}

/** Starts a worker on a scheduler, this file's own unless told; it stops after the test. */
type StartWorker = (on?: Scheduler, options?: WorkerOptions) => Promise<Worker>;

/** Real workers on real time for the file that calls it. */
export function startingWorkers(setup: TestScheduler): StartWorker {
  const workers: Worker[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });
  return async (on = setup.scheduler, options) => {
    const worker = on.createWorker(options);
    workers.push(worker);
    await worker.start();
    return worker;
  };
}
