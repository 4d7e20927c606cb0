import { expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run } = testBench({ clock });

const createMany = (jobs: object[]) => run("create_jobs", { jobs } as { jobs: never[] });

test("a thousand jobs are answered in the order they were given, and each fires once", async () => {
  const jobs = Array.from({ length: 1000 }, (_, index) => ({
    name: `job ${index}`,
    url: `${target.url}/${index}`,
  }));
  const { data } = await createMany(jobs);
  expect(data.map(({ name }) => name)).toEqual(jobs.map(({ name }) => name));
  expect(new Set(data.map(({ id }) => id)).size).toBe(1000);
  expect(await drain(setup.scheduler, clock)).toHaveLength(1000);
  expect(new Set(target.arrivals.map(({ path }) => path)).size).toBe(1000);
});

test("one wrong job is named by its place, and none is created", async () => {
  const good = { name: "good", url: target.url };
  await expect(createMany([good, { ...good, when: "PT2H" }])).rejects.toMatchObject({
    code: "invalid_schedule",
    field: "jobs.1.when",
  });
  await expect(createMany([good, good, { ...good, url: "ftp://a" }])).rejects.toMatchObject({
    code: "invalid_input",
    field: "jobs.2.url",
  });
  expect((await run("list_jobs", {})).data).toEqual([]);
});
