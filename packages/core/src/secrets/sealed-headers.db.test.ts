import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { createScheduler } from "../scheduler.ts";
import { testBench } from "../testing/bench.ts";
import { everythingStored } from "../testing/everything-stored.ts";
import { drain, testClock } from "../testing/index.ts";
import { mask } from "../encryption/mask.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock, job: { cron: "0 9 * * *" } });

async function sentBy(job_id: string) {
  target.arrivals.length = 0;
  await run("run_job", { job_id });
  await drain(setup.scheduler, clock);
  return target.arrivals[0]!.headers;
}

describe("a header that carries a credential and is given in clear", () => {
  const names = [
    "Authorization",
    "cookie",
    "X-Api-Key",
    "Api-Key",
    "X-Auth-Token",
    "Proxy-Authorization",
    "X-Secret",
  ];

  test.each(names)("%s is stored encrypted, shown masked and sent as it is", async (name) => {
    const job = await create({ headers: { [name]: "clear-credential-1", "X-Plain": "seen" } });
    expect(job.headers).toEqual({ [name]: mask, "X-Plain": "seen" });
    expect(job.notes).toEqual([expect.stringContaining("create_secret")]);
    for (const shown of [await run("get_job", { job_id: job.id }), (await run("list_jobs", {})).data[0]!])
      expect(shown.headers).toEqual({ [name]: mask, "X-Plain": "seen" });
    expect(await everythingStored(setup.scheduler)).not.toContain("clear-credential");
    expect(await sentBy(job.id)).toMatchObject({
      [name.toLowerCase()]: "clear-credential-1",
      "x-plain": "seen",
    });
  });

  test.each(["Content-Type", "Accept", "X-Source", "X-Request-Id", "Idempotency-Key", "X-Tokenizer"])(
    "%s is none",
    async (name) => {
      expect((await create({ headers: { [name]: "text/plain" } })).headers).toEqual({ [name]: "text/plain" });
    },
  );

  test.each(["Bearer secret://key", "secret://key", "session=secret://key; other=secret://key"])(
    "of references alone is shown as it is: %s",
    async (value) => {
      const job = await create({ headers: { Cookie: value } });
      expect(job.headers).toEqual({ Cookie: value });
      expect(job.notes).toEqual([expect.stringContaining('no secret "key"')]);
    },
  );

  test("is masked also beside a reference, which is resolved all the same", async () => {
    await run("create_secret", { name: "key", value: "value-of-key" });
    const job = await create({ headers: { Authorization: "Bearer clear-part-secret://key" } });
    expect(job.headers).toEqual({ Authorization: mask });
    expect(await sentBy(job.id)).toMatchObject({ authorization: "Bearer clear-part-value-of-key" });
    await expect(run("delete_secret", { secret_id: "key" })).rejects.toMatchObject({ code: "conflict" });
  });

  test("is not shown where a target echoes it", async () => {
    const basic = Buffer.from("ada:pass-word-1").toString("base64");
    target.answer(({ headers }, response) => {
      response.setHeader("x-echo", String(headers.authorization));
      response.end(JSON.stringify({ ...headers, password: "pass-word-1", session: "session-id-1" }));
    });
    const job = await create({
      headers: { Authorization: `Basic ${basic}`, Cookie: "theme=dark; sid=session-id-1" },
    });
    await sentBy(job.id);
    const stored = await everythingStored(setup.scheduler);
    for (const value of [basic, "pass-word-1", "session-id-1"]) expect(stored).not.toContain(value);
    expect(stored).toContain("[secret:Authorization]");
  });
});

describe("a mask that comes back in an update", () => {
  const headers = { Authorization: "Bearer one", "X-Api-Key": "two-two", "X-Plain": "three" };

  test("keeps what is stored, and says that nothing changed", async () => {
    const job = await create({ headers });
    const updated = await run("update_job", { job_id: job.id, headers: job.headers, name: "renamed" });
    expect(updated).toMatchObject({ headers: job.headers, changed: ["name"] });
    expect(await sentBy(job.id)).toMatchObject({ authorization: "Bearer one", "x-api-key": "two-two" });
  });

  test("keeps it beside others that change, whatever their letter case", async () => {
    const job = await create({ headers });
    const updated = await run("update_job", {
      job_id: job.id,
      headers: { authorization: mask, "X-Api-Key": "new-two", "X-Plain": "four" },
    });
    expect(updated).toMatchObject({ headers: { authorization: mask, "X-Api-Key": mask, "X-Plain": "four" } });
    expect(updated.changed).toEqual(["headers"]);
    expect(await sentBy(job.id)).toMatchObject({
      authorization: "Bearer one",
      "x-api-key": "new-two",
      "x-plain": "four",
    });
  });

  test("is told where only what is behind a mask changes", async () => {
    const job = await create({ headers });
    const same = { ...job.headers, Authorization: "Bearer one" };
    expect((await run("update_job", { job_id: job.id, headers: same })).changed).toEqual([]);
    const other = { ...job.headers, Authorization: "Bearer other" };
    expect((await run("update_job", { job_id: job.id, headers: other })).changed).toEqual(["headers"]);
  });

  test("stays away where it is left out", async () => {
    const job = await create({ headers });
    await run("update_job", { job_id: job.id, headers: { "X-Api-Key": mask } });
    expect(await sentBy(job.id)).not.toHaveProperty("authorization");
  });

  test("without anything stored for it is refused, and so is one in a new job", async () => {
    const job = await create({ headers: { "X-Plain": "three" } });
    const refused = { code: "invalid_input", field: "headers.Authorization" };
    await expect(
      run("update_job", { job_id: job.id, headers: { Authorization: mask } }),
    ).rejects.toMatchObject(refused);
    await expect(create({ headers: { Authorization: mask } })).rejects.toMatchObject(refused);
  });

  test("of a declared job is no change either, and neither is the value once more", async () => {
    const declared = { key: "a-key", name: "a", url: target.url, cron: "0 9 * * *" };
    const first = await run("put_job", { ...declared, headers });
    clock.advance(1000);
    expect((await run("put_job", { ...declared, headers })).updated_at).toBe(first.updated_at);
    expect((await run("put_job", { ...declared, headers: first.headers })).updated_at).toBe(first.updated_at);
    expect(await sentBy(first.id)).toMatchObject({ authorization: "Bearer one" });
  });
});

describe("what is stored from before", () => {
  test("is masked all the same, kept by its mask, and sealed by a change of the encryption key", async () => {
    const job = await create({ headers: { "X-Plain": "p" } });
    const { db } = setup.scheduler.engine.database;
    await sql`update scheduler.revisions set headers = '{"Authorization": "Bearer old-clear"}'`.execute(db);
    expect((await run("get_job", { job_id: job.id })).headers).toEqual({ Authorization: mask });
    expect(await sentBy(job.id)).toMatchObject({ authorization: "Bearer old-clear" });
    expect(await setup.scheduler.reencrypt()).toEqual({ changed: 1, unreadable: [] });
    expect(await everythingStored(setup.scheduler)).not.toContain("old-clear");
    expect(await sentBy(job.id)).toMatchObject({ authorization: "Bearer old-clear" });
  });

  test(
    "needs a key only where there is something to encrypt, and names the option",
    { timeout: 30_000 },
    async () => {
      await using scheduler = Object.assign(await createScheduler(), {
        async [Symbol.asyncDispose](this: { close(): Promise<void> }) {
          await this.close();
        },
      });
      const { token } = await scheduler.bootstrap({
        adminEmail: "a@localhost",
        adminPassword: "a password",
        token: undefined,
      });
      const caller = await scheduler.authenticate(token);
      const job = { name: "a", url: "https://a.example" };
      await scheduler.execute("create_job", job, caller);
      const refused = { code: "conflict", hint: expect.stringContaining("encryptionKey") };
      await expect(
        scheduler.execute("create_job", { ...job, headers: { Cookie: "a=b" } }, caller),
      ).rejects.toMatchObject(refused);
      await expect(
        scheduler.execute("create_secret", { name: "a", value: "b" }, caller),
      ).rejects.toMatchObject(refused);
    },
  );
});
