import { Pool } from "undici";
import { operations } from "@org/scheduler-contract";
import { atLeast, type Bench, rowsOf } from "../bench.ts";
import { startChild } from "../harness/child.ts";
import { token } from "../harness/database.ts";
import type { Stage } from "../harness/stage.ts";
import { median } from "../harness/statistics.ts";

const connections = 16;
const batchSize = 1000;

/**
 * How fast jobs come in through REST.
 *
 * The API in a process of its own, as apps/api builds it; no worker. This process sends over 16 connections that are kept
 * alive, each with one request at a time: `POST /v1/jobs`, and where the contract has it the batch operation with 1,000
 * jobs in each request. Each round has a fresh process and database; medians of the rounds.
 */
export const create: Bench = {
  name: "create",
  title: `creating jobs through REST, ${connections} connections`,
  async run(stage) {
    const single: number[] = [];
    const batched: number[] = [];
    const batchPath = batchOperation()?.http.path;
    for (let round = 0; round < stage.size(3, 1); round++) {
      await using database = await stage.databases.create("ours");
      await using api = await startChild("api", database.url);
      const pool = new Pool(await api.call("url"), { connections });
      const post = poster(pool);
      single.push(await rateOf(stage.size(5000, 100), 1, (from) => post("/v1/jobs", newJob(stage, from))));
      if (batchPath !== undefined) {
        const batch = stage.size(batchSize, 50);
        const send = (from: number): Promise<void> =>
          post(batchPath, { jobs: Array.from({ length: batch }, (_, index) => newJob(stage, from + index)) });
        batched.push(await rateOf(stage.size(50_000, 200), batch, send));
      }
      await pool.close();
    }
    const oneByOne: [string, number] = ["one by one", median(single)];
    if (batchPath === undefined) {
      const notes = ["There is no batch operation in the contract yet."];
      return { rows: rowsOf("jobs", "/s", [oneByOne]), verdicts: [], notes };
    }
    return {
      rows: rowsOf("jobs", "/s", [oneByOne, ["in batches", median(batched)]]),
      verdicts: [atLeast("aim", 5000, "jobs/s in batches", median(batched))],
    };
  },
};

function batchOperation() {
  return Object.values(operations).find((operation) => (operation.name as string) === "create_jobs");
}

function newJob({ target }: Stage, number: number): object {
  return { name: `bench ${number}`, url: `${target.url}/${number}`, cron: `${number % 60} 3 * * *` };
}

function poster(pool: Pool): (path: string, body: object) => Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return async (path, body) => {
    const answer = await pool.request({ path, method: "POST", headers, body: JSON.stringify(body) });
    const text = await answer.body.text();
    if (answer.statusCode >= 300)
      throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, 500)}`);
  };
}

/** Sends `count` jobs, `step` in each request, and answers jobs per second. */
async function rateOf(count: number, step: number, send: (from: number) => Promise<void>): Promise<number> {
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let from = next; from < count; from = next) {
        next += step;
        await send(from);
      }
    }),
  );
  return (next / (performance.now() - begun)) * 1000;
}
