import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  drain,
  openTestScheduler,
  startTarget,
  type Target,
  testClock,
  type TestScheduler,
} from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
let setup: TestScheduler;
let target: Target;

beforeAll(async () => {
  setup = await openTestScheduler({ clock });
  target = await startTarget();
});
beforeEach(async () => {
  clock.set("2026-03-01T12:00:00Z");
  target.arrivals.length = 0;
  target.answer(200);
  await setup.reset();
});
afterAll(async () => {
  await target.close();
  await setup[Symbol.asyncDispose]();
});

const create: TestScheduler["scheduler"]["execute"] = (name, input) =>
  setup.scheduler.execute(name, input, setup.caller);

describe("one_time", () => {
  test("fires at once, is recorded, and completes the job", async () => {
    const job = await create("create_job", {
      name: "now",
      url: `${target.url}/now?x=1`,
      method: "POST",
      body: "hi",
    });
    expect(job).toMatchObject({ state: "active", kind: "one_time", next_run_at: "2026-03-01T12:00:00.000Z" });
    expect(await drain(setup.scheduler, clock)).toMatchObject([
      { job_id: job.id, attempt: 1, status: "succeeded" },
    ]);
    expect(target.arrivals).toMatchObject([{ method: "POST", path: "/now?x=1", body: "hi" }]);
    expect(await create("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      next_run_at: null,
      last_status: "succeeded",
      last_run_at: "2026-03-01T12:00:00.000Z",
    });
  });
});
