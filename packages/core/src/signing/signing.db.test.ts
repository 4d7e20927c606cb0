import { sql } from "kysely";
import { createHmac, randomBytes } from "node:crypto";
import { afterEach, describe, expect, inject, test } from "vitest";
import { createScheduler } from "../scheduler.ts";
import { testBench } from "../testing/bench.ts";
import { type Arrival, drain, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock });

afterEach(async () => {
  for (const caller of [setup.caller, setup.testCaller])
    for (const { id } of (await run("list_signing_secrets", {}, caller)).data)
      await run("delete_signing_secret", { signing_secret_id: id }, caller);
});

/** The signature that a receiver with this secret expects, computed from what arrived. */
function expected(secret: string, { method, path, headers, body }: Arrival): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const parts = ["sched-timestamp", "sched-delivery-id", "sched-attempt"].map((name) => headers[name]);
  return `v1=${createHmac("sha256", key)
    .update([...parts, method, path, body].join("."))
    .digest("hex")}`;
}

const signatureOf = ({ headers }: Arrival) => headers["sched-signature"];

describe("a signing secret", () => {
  test("is shown once, and stored so that nobody can read it", async () => {
    const { secret, ...shown } = await run("create_signing_secret", {});
    expect(Buffer.from(secret.replace(/^whsec_/, ""), "base64")).toHaveLength(32);
    expect(shown).toEqual({
      id: expect.stringMatching(/^sgn_/),
      created_by: "user:bootstrap",
      created_at: "2026-03-01T12:00:00.000Z",
    });
    expect((await run("list_signing_secrets", {})).data).toEqual([shown]);
    const { rows } = await sql<{ text: string }>`
      select (select string_agg(s::text || encode(sealed, 'escape'), '') from scheduler.signing_secrets s)
        || (select string_agg(a::text, '') from scheduler.audit a) as text`.execute(
      setup.scheduler.engine.database.db,
    );
    expect(rows[0]!.text).not.toContain(secret.slice(6, 20));
  });

  test("has room for one more, and for no third, however many ask at once", async () => {
    const asked = Array.from({ length: 5 }, () => run("create_signing_secret", {}));
    const answers = await Promise.allSettled(asked);
    const refused = answers.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(3);
    const { data } = await run("list_signing_secrets", {});
    expect(refused[0]).toMatchObject({
      reason: {
        code: "conflict",
        hint: expect.stringContaining(`DELETE /v1/signing-secrets/${data[1]!.id}`),
      },
    });
    await run("delete_signing_secret", { signing_secret_id: data[1]!.id });
    await run("create_signing_secret", {});
  });

  test("is refused where there is no key to encrypt it with; the rest works", async () => {
    const bare = await createScheduler({ clock, databaseUrl: setup.databaseUrl });
    try {
      const token = `cron_pat_${"k".repeat(32)}`;
      await bare.bootstrap({ adminEmail: "a@localhost", token });
      const caller = await bare.authenticate(token);
      await expect(bare.execute("create_signing_secret", {}, caller)).rejects.toMatchObject({
        code: "conflict",
        hint: expect.stringContaining("SCHEDULER_ENCRYPTION_KEY"),
      });
      await bare.execute("create_job", { name: "a", url: "https://a.example" }, caller);
    } finally {
      await bare.close();
    }
  });
});

describe("requests", () => {
  test("are unsigned without a secret, and signed from the first one after it is made", async () => {
    await create();
    await drain(setup.scheduler, clock);
    expect(target.arrivals[0]!.headers).not.toHaveProperty("webhook-signature");
    expect(signatureOf(target.arrivals[0]!)).toBeUndefined();

    const { secret } = await run("create_signing_secret", {});
    await create({ url: `${target.url}/a?b=c d`, method: "POST", body: { name: "é" } });
    await drain(setup.scheduler, clock);
    const arrival = target.arrivals[1]!;
    const timestamp = String(Date.parse(noon) / 1000);
    expect(arrival.path).toBe("/a?b=c%20d");
    expect(arrival.headers).toMatchObject({
      "sched-signature": `t=${timestamp},${expected(secret, arrival)}`,
      "sched-timestamp": timestamp,
      "webhook-id": arrival.headers["sched-delivery-id"],
      "webhook-timestamp": timestamp,
    });
  });

  test("carry two signatures while a secret is changed, each attempt its own", async () => {
    const first = await run("create_signing_secret", {});
    target.answer(503);
    await create({ retry: { base_seconds: 10, jitter: false } });
    await drain(setup.scheduler, clock);
    clock.advance(1);
    const second = await run("create_signing_secret", {});
    await drain(setup.scheduler, clock, "2026-03-01T12:00:10Z");
    await run("delete_signing_secret", { signing_secret_id: first.id });
    await drain(setup.scheduler, clock, "2026-03-01T12:00:30Z");
    const [one, both, two] = target.arrivals as [Arrival, Arrival, Arrival];
    const at = ({ headers }: Arrival) => `t=${headers["sched-timestamp"] as string}`;
    expect([one, both, two].map(signatureOf)).toEqual([
      [at(one), expected(first.secret, one)].join(),
      [at(both), expected(second.secret, both), expected(first.secret, both)].join(),
      [at(two), expected(second.secret, two)].join(),
    ]);
  });

  test("of the other half of the workspace stay unsigned", async () => {
    await run("create_signing_secret", {}, setup.testCaller);
    await create();
    await drain(setup.scheduler, clock);
    expect(signatureOf(target.arrivals[0]!)).toBeUndefined();
  });

  test("cannot be given a signature by whoever creates the job", async () => {
    for (const name of ["Sched-Signature", "Webhook-Id", "WEBHOOK-TIMESTAMP", "webhook-signature"])
      await expect(create({ headers: { [name]: "forged" } })).rejects.toMatchObject({
        code: "invalid_input",
        field: `headers.${name}`,
      });
    await create({ headers: { "Webhook-Id-Of-Mine": "a" } });
  });

  test("leave never unsigned where the secrets cannot be read: the attempt fails, and is made again", async () => {
    const { secret } = await run("create_signing_secret", {});
    const { db } = setup.scheduler.engine.database;
    const { rows } = await sql<{ sealed: Buffer }>`select sealed from scheduler.signing_secrets`.execute(db);
    const store = async (sealed: Buffer): Promise<number> => {
      const { rows: scopes } = await sql<{ version: number }>`
        with stored as (update scheduler.signing_secrets set sealed = ${sealed})
        update scheduler.scopes set signing_version = signing_version + 1
        where id = ${setup.caller.scopeId} returning signing_version as version`.execute(db);
      return scopes[0]!.version;
    };
    await store(randomBytes(rows[0]!.sealed.length));
    const job = await create({ retry: { base_seconds: 10, jitter: false } });
    expect(await drain(setup.scheduler, clock)).toMatchObject([{ next: "retrying" }]);
    expect(target.arrivals).toEqual([]);
    const [execution] = (await run("list_executions", { job_id: job.id })).data;
    const { attempts } = await run("get_execution", { execution_id: execution!.id });
    expect(attempts).toMatchObject([{ status: "connection_error", error_code: "signing", latency_ms: 0 }]);

    const version = await store(rows[0]!.sealed);
    // What failed is remembered for a moment of real time.
    const keys = async () => setup.scheduler.engine.keyring.of(setup.caller.scopeId, version);
    await expect.poll(() => keys().catch(() => []), { timeout: 5000 }).toHaveLength(1);
    await drain(setup.scheduler, clock, "2026-03-01T12:00:10Z");
    expect(target.arrivals.map(signatureOf)).toEqual([
      expect.stringContaining(expected(secret, target.arrivals[0]!)),
    ]);
  });
});

if (inject("postgresUrl") !== null)
  test("another process signs with the same secret, after the encryption key was changed, too", async () => {
    const [old, key] = [randomBytes(32), randomBytes(32)];
    const open = (keys: object) =>
      createScheduler({
        databaseUrl: setup.databaseUrl,
        clock,
        allowedTargets: ["127.0.0.0/8"],
        ...keys,
      });
    const before = await open({ encryptionKey: old });
    const { secret } = await before.execute("create_signing_secret", {}, setup.caller);
    await before.close();
    const after = await open({ encryptionKey: key, previousEncryptionKey: old });
    await create();
    await drain(after, clock);
    expect(signatureOf(target.arrivals[0]!)).toContain(expected(secret, target.arrivals[0]!));
    await after.close();
  });
