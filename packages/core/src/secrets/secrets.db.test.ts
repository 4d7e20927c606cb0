import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { everythingStored } from "../testing/everything-stored.ts";
import { drain, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock });

const make = (name: string, value: string) => run("create_secret", { name, value });
const drained = () => drain(setup.scheduler, clock);
const once = { retry: { max_attempts: 1 } };

async function onlyAttempt() {
  const { data } = await run("list_executions", {});
  const { attempts } = await run("get_execution", { execution_id: data[0]!.id });
  return attempts[0]!;
}

describe("a secret", () => {
  test("is listed by its name, and its value is never answered or stored in clear", async () => {
    const made = await make("api-key", "sk-live-abc123");
    expect(made).toMatchObject({
      id: expect.stringMatching(/^sec_/),
      name: "api-key",
      created_by: "user:bootstrap",
    });
    const { data } = await run("list_secrets", {});
    expect(data).toEqual([made]);
    expect(JSON.stringify(data) + (await everythingStored(setup.scheduler))).not.toContain("sk-live-abc123");
  });

  test("has a name of its own in each half of a workspace", async () => {
    await make("key", "live-value");
    await expect(make("key", "other")).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining('"replace": true'),
    });
    await run("create_secret", { name: "key", value: "test-value" }, setup.testCaller);
    await create({ headers: { "X-Token": "secret://key" }, ...once });
    await run(
      "create_job",
      { name: "in test", url: target.url, headers: { "X-Token": "secret://key" } },
      setup.testCaller,
    );
    await drained();
    expect(target.arrivals.map(({ headers }) => String(headers["x-token"])).sort()).toEqual([
      "live-value",
      "test-value",
    ]);
  });

  test("is replaced where that is asked for, and jobs use the new value from their next request on", async () => {
    const made = await make("key", "first-value");
    const job = await create({ cron: "* * * * *", headers: { "X-Token": "secret://key" } });
    await run("run_job", { job_id: job.id });
    await drained();
    clock.advance(1000);
    const replaced = await run("create_secret", { name: "key", value: "second-value", replace: true });
    expect(replaced).toMatchObject({ id: made.id, created_at: made.created_at });
    expect(replaced.updated_at > made.updated_at).toBe(true);
    await run("run_job", { job_id: job.id });
    await drained();
    expect(target.arrivals.map(({ headers }) => headers["x-token"])).toEqual(["first-value", "second-value"]);
  });

  test.each([["sk-live-1\n"], ["sk-live-1\r\n"], ["sk-live-1\n\n"]])(
    "loses the line break at the end of %j",
    async (value) => {
      expect(await make("key", value)).toMatchObject({ notes: ["The line break at the end was left out."] });
      await create({ headers: { "X-Token": "secret://key" } });
      await drained();
      expect(target.arrivals[0]!.headers["x-token"]).toBe("sk-live-1");
    },
  );

  test("of line breaks alone, or with a name that no reference can have, is refused", async () => {
    await expect(make("key", "\n")).rejects.toMatchObject({ code: "invalid_input", field: "value" });
    for (const name of ["a.b", "a b", "", "a".repeat(65), "é"])
      await expect(make(name, "value")).rejects.toMatchObject({ code: "invalid_input", field: "name" });
  });

  test("that jobs use is deleted only by force, and then their attempts fail and nothing is sent", async () => {
    const made = await make("key", "some-value");
    const job = await create({
      name: "user of it",
      cron: "0 9 * * *",
      headers: { Authorization: "Bearer secret://key" },
    });
    await expect(run("delete_secret", { secret_id: made.id })).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining(`${job.id} ("user of it")`),
      hint: expect.stringContaining("force: true"),
    });
    expect(await run("delete_secret", { secret_id: "key", force: true })).toEqual({
      deleted: true,
      id: made.id,
      name: "key",
    });
    await run("run_job", { job_id: job.id });
    await drained();
    expect(target.arrivals).toEqual([]);
    const { data } = await run("list_executions", {});
    expect(data[0]).toMatchObject({ status: "retrying", error: { code: "secret_missing" } });
    expect(await onlyAttempt()).toMatchObject({
      status: "blocked",
      error_code: "secret_missing",
      status_code: null,
    });
    // Made again, the retry sends it.
    await make("key", "new-value");
    await drain(setup.scheduler, clock, Date.parse(noon) + 60_000);
    expect(target.arrivals[0]!.headers.authorization).toBe("Bearer new-value");
  });

  test("that a job does not name any more is deleted without force", async () => {
    const made = await make("key", "some-value");
    const job = await create({ headers: { "X-Token": "secret://key" }, cron: "0 9 * * *" });
    await run("update_job", { job_id: job.id, headers: { "X-Token": "secret://other" } });
    expect(await run("delete_secret", { secret_id: made.id })).toMatchObject({ deleted: true });
  });
});

describe("a request that names secrets", () => {
  test("gets their values in headers and body when it is sent, also within a text", async () => {
    await make("token", "t0ken-value");
    await make("user_name", "ada");
    await create({
      headers: {
        Authorization: "Bearer secret://token",
        "X-Both": "secret://user_name:secret://token",
        "X-None": "secret:/x",
      },
      body: "a=secret://token;b=secret://user_name.",
      ...once,
    });
    await drained();
    expect(target.arrivals[0]).toMatchObject({
      headers: { authorization: "Bearer t0ken-value", "x-both": "ada:t0ken-value", "x-none": "secret:/x" },
      body: "a=t0ken-value;b=ada.",
    });
  });

  test("of JSON has them escaped as JSON, of a form as a form", async () => {
    const value = 'quote " backslash \\ line\nend & =';
    await make("odd", value);
    await create({ body: { a: "x secret://odd y", deep: [{ b: "secret://odd" }] }, ...once });
    await create({
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: "a=secret://odd&b=1",
      ...once,
    });
    await create({
      headers: { "Content-Type": "application/problem+json" },
      body: '{"a":"secret:\\/\\/odd"}',
      ...once,
    });
    await drained();
    const [json, form, slashes] = target.arrivals
      .toSorted((one, other) => other.body.length - one.body.length)
      .map(({ body }) => body);
    expect(JSON.parse(json!)).toEqual({ a: `x ${value} y`, deep: [{ b: value }] });
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({ a: value, b: "1" });
    expect(JSON.parse(slashes!)).toEqual({ a: value });
  });

  test("takes the longest run of characters for the name", async () => {
    await make("key", "short-one");
    await make("key-2", "long-one");
    await create({ headers: { "X-Token": "secret://key-2", "X-Dot": "secret://key.2" }, ...once });
    await drained();
    expect(target.arrivals[0]!.headers).toMatchObject({ "x-token": "long-one", "x-dot": "short-one.2" });
  });

  test("says in the answer which of them are not there yet", async () => {
    const { notes } = await create({ headers: { "X-Token": "secret://nope" }, body: "secret://neither" });
    expect(notes).toEqual([expect.stringContaining('"neither"'), expect.stringContaining('"nope"')]);
    const [note] = (
      await run("create_jobs", { jobs: [{ name: "b", url: target.url, body: "secret://nope" }] })
    ).data[0]!.notes!;
    expect(note).toContain("create_secret");
  });

  test("is refused with one in its URL", async () => {
    await expect(create({ url: `${target.url}/?key=secret://key` })).rejects.toMatchObject({
      code: "invalid_input",
      field: "url",
    });
  });

  test("is not sent where a value would break a header", async () => {
    await make("key", "first\nX-Injected: yes");
    await create({ headers: { "X-Token": "secret://key" }, ...once });
    await drained();
    expect(target.arrivals).toEqual([]);
    expect(await onlyAttempt()).toMatchObject({
      status: "blocked",
      error: expect.stringContaining("X-Token"),
    });
    expect(await everythingStored(setup.scheduler)).not.toContain("X-Injected");
  });

  test("of a job from before, with one in its URL, sends that as it is", async () => {
    await make("key", "url-value");
    await create({ url: `${target.url}/{{attempt}}?k=secret:x`, ...once });
    await sql`update scheduler.revisions set url = replace(url, 'secret:x', 'secret://key'), secrets = '{key}'`.execute(
      setup.scheduler.engine.database.db,
    );
    await drained();
    expect(target.arrivals[0]!.path).toBe("/1?k=secret://key");
  });

  test("does not take its body to another origin", async () => {
    await make("key", "body-value");
    target.answer(
      (_, response) => void response.writeHead(307, { location: "http://127.0.0.2:9/other" }).end(),
    );
    await create({ method: "POST", body: { key: "secret://key" }, follow_redirects: true, ...once });
    await drained();
    expect(await onlyAttempt()).toMatchObject({
      error_code: "redirect",
      error: expect.stringContaining("has a secret"),
    });
  });
});

describe("what a target sends back", () => {
  test("is judged as it came, and stored without the value", async () => {
    await make("key", "1234567");
    target.answer((_, response) => void response.setHeader("x-echo", "1234567").end('{"number":1234567}'));
    const assertions = [{ type: "json_path_equals", path: "$.number", value: 1234567 }] as const;
    await create({ headers: { "X-Token": "secret://key" }, assertions: [...assertions], ...once });
    expect(await drained()).toMatchObject([{ next: "succeeded" }]);
    expect(await onlyAttempt()).toMatchObject({
      response_body: '{"number":[secret:key]}',
      response_headers: { "x-echo": "[secret:key]" },
    });
  });

  test.each([
    [
      "percent-encoded",
      (value: string) => value.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`),
    ],
    ["in base64", (value: string) => Buffer.from(value).toString("base64")],
    ["as it is", (value: string) => value],
  ])("has none in a header alone, %s", async (_, write) => {
    const value = "Very-Secret-VALUE-1";
    await make("key", value);
    target.answer((_, response) => void response.setHeader("x-echo", write(value)).end("ok"));
    await create({ headers: { "X-Token": "secret://key" }, ...once });
    await drained();
    expect((await onlyAttempt()).response_headers).toMatchObject({ "x-echo": "[secret:key]" });
  });

  test("is not told by the assertion that it breaks", async () => {
    await make("key", "very-secret-value");
    target.answer((_, response) => void response.setHeader("x-echo", "very-secret-value").end("no"));
    const assertions: Input<"create_job">["assertions"] = [
      { type: "header_equals", name: "x-echo", value: "other" },
    ];
    await create({ headers: { "X-Token": "secret://key" }, assertions, ...once });
    await drained();
    const { error } = await onlyAttempt();
    expect(error).toContain("[secret:key]");
    expect(await everythingStored(setup.scheduler)).not.toContain("very-secret-value");
  });

  test("is without it also where the 64 KiB that are kept cut it in two", async () => {
    const value = "cut-me-in-two-please";
    await make("key", value);
    for (const kept of [1, 5, value.length - 1]) {
      target.answer((_, response) => void response.end("x".repeat(64 * 1024 - kept) + value));
      clock.advance(1000);
      await create({ headers: { "X-Token": "secret://key" }, ...once });
      await drained();
      const { response_body: body, response_truncated: truncated } = await onlyAttempt();
      expect(truncated).toBe(true);
      expect(body!.replaceAll("x", "")).toBe("[secret:key]".slice(0, kept));
    }
  });
});
