import { describe, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";

// Loopback's IPv4 addresses are allowed here, and nothing else.
const { target, run, create } = testBench({ job: { draft: true } });

const hint = expect.stringContaining("SCHEDULER_ALLOWED_TARGETS");
const fields = ["url", "callback_url"] as const;
const refused = ["http://10.0.0.1/", "http://[::1]/", "http://3232235777/", "http://169.254.169.254/latest"];

describe.each(fields.flatMap((field) => refused.map((url) => [field, url] as const)))(
  "%s %s",
  (field, url) => {
    const job = () => ({ name: "a job", url: `${target.url}/job`, draft: true });
    const refusal = { code: "invalid_input", field, hint };

    test("is refused for a new job, and nothing is stored", async () => {
      await expect(create({ [field]: url })).rejects.toMatchObject(refusal);
      await expect(create({ [field]: url, dry_run: true })).rejects.toMatchObject(refusal);
      await expect(run("put_job", { ...job(), key: "k", [field]: url })).rejects.toMatchObject(refusal);
      const jobs = [job(), { ...job(), [field]: url }];
      await expect(run("create_jobs", { jobs })).rejects.toMatchObject({
        ...refusal,
        field: `jobs.1.${field}`,
      });
      expect((await run("list_jobs", {})).data).toEqual([]);
    });

    test("is refused for a job that is there, which stays as it is", async () => {
      const before = await create({ key: "k" });
      const change = { job_id: before.id, name: "b", [field]: url };
      await expect(run("update_job", change)).rejects.toMatchObject(refusal);
      await expect(run("update_job", { ...change, dry_run: true })).rejects.toMatchObject(refusal);
      await expect(run("put_job", { ...job(), key: "k", [field]: url })).rejects.toMatchObject(refusal);
      expect(await run("get_job", { job_id: before.id })).toEqual(before);
    });
  },
);

test("what the settings allow, and names that are to be looked up, are taken", async () => {
  for (const url of [
    target.url,
    "http://localhost:1/",
    "http://127.1/",
    "https://intranet/",
    "http://1.1.1.1/",
  ]) {
    const { id: job_id } = await create({ url, callback_url: url });
    expect(await run("update_job", { job_id, url, callback_url: url })).toMatchObject({ url });
  }
});
