import { expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { lockKey } from "./answers.sql.ts";

const { setup, run } = testBench();

test("while a request is being worked on, its key is taken; others, and the other half's, are not", async () => {
  const { db } = setup.scheduler.engine.database;
  const job = { name: "a job", url: "https://a.example", draft: true };
  await db.transaction().execute(async (tx) => {
    await lockKey(tx, { agent: "", scopeId: setup.caller.scopeId, key: "a" });
    await expect(run("create_job", { ...job, idempotency_key: "a" })).rejects.toMatchObject({
      code: "idempotency_in_progress",
      retryAfterSeconds: 1,
    });
    await run("create_job", { ...job, idempotency_key: "b" });
    await run("create_job", { ...job, idempotency_key: "a" }, setup.testCaller);
  });
  await run("create_job", { ...job, idempotency_key: "a" });
  expect((await run("list_jobs", {})).data).toHaveLength(2);
});
