import { createHash } from "node:crypto";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input, TokenKind } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";
import type { Caller } from "./caller.ts";

const start = "2026-03-01T12:00:00.000Z";
const clock = testClock(start);
const { setup, run } = testBench({ clock });

const authenticate = (token: string | undefined) => setup.scheduler.authenticate(token);

function make(fields: Partial<Input<"create_token">> = {}, caller?: Caller) {
  return run("create_token", { name: "a token", ...fields }, caller);
}

describe("a token", () => {
  test.each<[TokenKind, "live" | "test", RegExp]>([
    ["user", "live", /^cron_pat_/],
    ["agent", "live", /^cron_agt_/],
    ["system", "test", /^cron_sys_/],
    ["service", "live", /^sk_live_/],
    ["service", "test", /^sk_test_/],
  ])("of kind %s for %s says so, and whom it stands for", async (kind, mode, prefix) => {
    const agent = kind === "agent" ? "researcher" : undefined;
    const made = await make({ kind, mode, ...(agent && { agent }) });
    expect(made.token).toMatch(prefix);
    expect(made.token.slice(0, 13)).toBe(made.prefix);
    expect(made.token.length - made.token.match(prefix)![0].length).toBeGreaterThanOrEqual(32);
    expect(await run("get_me", {}, await authenticate(made.token))).toMatchObject({
      kind,
      mode,
      name: "a token",
      read_only: false,
      agent: agent ?? null,
      workspace: { name: "default" },
      user: kind === "user" ? { email: "admin@localhost" } : null,
    });
  });

  test("is shown once, and only its hash is stored", async () => {
    const { token, ...made } = await make({ name: "once" });
    const { data } = await run("list_tokens", { limit: 100 });
    expect(data.find(({ id }) => id === made.id)).toEqual(made);
    expect(JSON.stringify(data)).not.toContain(token);
    const { rows } = await sql<{ row: string; hash: Buffer }>`
      select t::text as row, hash from scheduler.tokens t where name = 'once'`.execute(
      setup.scheduler.engine.database.db,
    );
    expect(rows[0]!.row).not.toContain(token.slice(13));
    expect(Buffer.from(rows[0]!.hash)).toEqual(createHash("sha256").update(token).digest());
  });

  test("is refused when it is unknown, revoked or expired; what it was, only its holder learns", async () => {
    const [expiring, revoked] = [await make({ expires_at: "2026-03-01T13:00:00Z" }), await make()];
    const both = await make({ expires_at: "2026-03-01T13:00:00Z" });
    await authenticate(expiring.token);
    await authenticate(revoked.token);
    await run("delete_token", { token_id: revoked.id });
    await run("delete_token", { token_id: both.id });
    await expect(run("delete_token", { token_id: revoked.id })).rejects.toMatchObject({ code: "not_found" });
    clock.set("2026-03-01T13:00:00Z");
    const wrong: [token: string, message: string][] = [
      [expiring.token, "This token expired at 2026-03-01T13:00:00.000Z."],
      [revoked.token, "This token was revoked."],
      [both.token, "This token was revoked."],
      ...[
        `${revoked.token}x`,
        expiring.token.slice(0, -1),
        expiring.token.toUpperCase(),
        expiring.prefix,
        "nope",
        "a.b.c",
        "x".repeat(100_000),
        " ",
      ].map((token): [string, string] => [token, "This token is unknown."]),
    ];
    for (const [token, message] of wrong)
      await expect(authenticate(token)).rejects.toMatchObject({
        code: "unauthenticated",
        message,
        hint: expect.stringContaining("POST /v1/tokens"),
      });
    const { data } = await run("list_tokens", { limit: 100 });
    const lastUse = data.find(({ id }) => id === expiring.id)!.last_used_at;
    expect(lastUse).toBe("2026-03-01T12:00:00.000Z");
    for (const token of [undefined, ""])
      await expect(authenticate(token)).rejects.toMatchObject({
        code: "unauthenticated",
        hint: expect.stringContaining("Bearer"),
      });
  });

  test("remembers when it was used, without a write for every request", async () => {
    const { id, token } = await make();
    const lastUse = async () =>
      (await run("list_tokens", { limit: 100 })).data.find((row) => row.id === id)!.last_used_at;
    expect(await lastUse()).toBeNull();
    for (const [at, recorded] of [
      ["12:00:10", "12:00:10"],
      ["12:01:00", "12:00:10"],
      ["12:01:11", "12:01:11"],
    ]) {
      clock.set(`2026-03-01T${at}Z`);
      await authenticate(token);
      expect(await lastUse()).toBe(`2026-03-01T${recorded}.000Z`);
    }
  });

  test.each<[Partial<Input<"create_token">>, string]>([
    [{ kind: "agent" }, "agent"],
    [{ agent: "researcher" }, "agent"],
    [{ kind: "agent", agent: "  " }, "agent"],
    [{ expires_at: start }, "expires_at"],
  ])("is not made of %o", async (fields, field) => {
    await expect(make(fields)).rejects.toMatchObject({
      code: "invalid_input",
      field,
      hint: expect.stringMatching(/\w/),
    });
  });
});

describe("managing tokens", () => {
  test.each<TokenKind>(["agent", "service"])("is not for a token of kind %s", async (kind) => {
    const { id, token } = await make({ kind, ...(kind === "agent" && { agent: "researcher" }) });
    const caller = await authenticate(token);
    const refused = { code: "forbidden", message: `A token of kind ${kind} may not manage tokens.` };
    await expect(make({}, caller)).rejects.toMatchObject(refused);
    await expect(run("list_tokens", {}, caller)).rejects.toMatchObject(refused);
    await expect(run("delete_token", { token_id: id }, caller)).rejects.toMatchObject(refused);
    expect(await authenticate(token)).toMatchObject({ kind });
  });

  test("nor may an agent have the secrets that requests are signed with; a service may", async () => {
    const agent = await authenticate((await make({ kind: "agent", agent: "researcher" })).token);
    const refused = { code: "forbidden", message: "A token of kind agent may not manage signing secrets." };
    await expect(run("create_signing_secret", {}, agent)).rejects.toMatchObject(refused);
    await expect(run("list_signing_secrets", {}, agent)).rejects.toMatchObject(refused);
    const service = await authenticate((await make({ kind: "service" })).token);
    const { id } = await run("create_signing_secret", {}, service);
    await expect(run("delete_signing_secret", { signing_secret_id: id }, agent)).rejects.toMatchObject(
      refused,
    );
  });

  test("from the test half stays in the test half", async () => {
    const live = await make({ name: "live one" });
    const caller = await authenticate((await make({ mode: "test" })).token);
    await expect(make({ mode: "live" }, caller)).rejects.toMatchObject({
      code: "forbidden",
      field: "mode",
      hint: expect.stringContaining('"test"'),
    });
    await expect(make({}, caller)).rejects.toMatchObject({ code: "forbidden" });
    expect(await make({ mode: "test" }, caller)).toMatchObject({ mode: "test", read_only: false });
    const { data } = await run("list_tokens", { limit: 100 }, caller);
    expect(new Set(data.map(({ mode }) => mode))).toEqual(new Set(["test"]));
    await expect(run("delete_token", { token_id: live.id }, caller)).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await authenticate(live.token)).toMatchObject({ mode: "live" });
    const { data: all } = await run("list_tokens", { limit: 100 });
    expect(new Set(all.map(({ mode }) => mode))).toEqual(new Set(["live", "test"]));
  });
});

describe("a JWT", () => {
  const right = { email: "admin@localhost", password: "correct horse" };
  const logIn = () => setup.scheduler.execute("login", right);

  test("is refused once its user has logged out, on every device; a later one and tokens are not", async () => {
    const [one, other] = [await logIn(), await logIn()];
    const caller = await authenticate(one.token);
    clock.advance(1);
    expect(await run("logout", {}, caller)).toMatchObject({ logged_out: true, user: { email: right.email } });
    const refused = { code: "unauthenticated", message: "This token was revoked when its user logged out." };
    for (const { token } of [one, other]) await expect(authenticate(token)).rejects.toMatchObject(refused);
    const [header, payload] = one.token.split(".");
    const forged = `${header}.${payload}.${other.token.split(".")[2]}x`;
    await expect(authenticate(forged)).rejects.toMatchObject({ message: "This token is unknown." });
    clock.advance(1);
    const next = await logIn();
    expect((await authenticate(next.token)).userId).toBe(caller.userId);
    expect((await authenticate((await make()).token)).kind).toBe("user");
    await sql`update scheduler.users set logged_out_at = '-infinity'`.execute(
      setup.scheduler.engine.database.db,
    );
  });

  test("cannot be given back by a token that belongs to nobody", async () => {
    const { token } = await make({ kind: "service" });
    await expect(run("logout", {}, await authenticate(token))).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining("/v1/tokens") as string,
    });
  });
});

describe("login", () => {
  test(
    "lets in who has been there before while others guess, and nobody in by other names",
    { timeout: 60_000 },
    async () => {
      const password = "correct horse";
      const at = (address: string, credentials: Input<"login">) =>
        setup.scheduler.execute("login", credentials, undefined, { address });
      clock.advance(120_000);
      const email = "admin@localhost";
      await at("198.51.100.7", { email, password });
      for (let guess = 0; guess < 12; guess++) {
        const wrong = at(`203.0.113.${guess}`, { email, password: "wrong" });
        await expect(wrong).rejects.toMatchObject({ code: guess < 10 ? "unauthenticated" : "rate_limited" });
      }
      await expect(at("203.0.113.99", { email, password })).rejects.toMatchObject({ code: "rate_limited" });
      expect(await at("198.51.100.7", { email, password })).toMatchObject({ user: { email } });
      clock.advance(120_000);
    },
  );

  const right = { email: "admin@localhost", password: "correct horse" };
  const login = (credentials: Input<"login">) => setup.scheduler.execute("login", credentials);

  test("gives a JWT that works like the user's token, for seven days", async () => {
    const { token, expires_at, user, workspace } = await login({ ...right, email: " Admin@LocalHost " });
    expect(expires_at).toBe("2026-03-08T12:00:00.000Z");
    const caller = await authenticate(token);
    expect(await run("get_me", {}, caller)).toMatchObject({ kind: "user", mode: "live", user, workspace });
    expect(await make({}, caller)).toMatchObject({ kind: "user" });
    clock.set("2026-03-08T11:59:59Z");
    await authenticate(token);
    clock.set("2026-03-08T12:00:01Z");
    await expect(authenticate(token)).rejects.toMatchObject({
      code: "unauthenticated",
      message: "This token expired at 2026-03-08T12:00:00.000Z.",
    });
  });

  test("says the same of a wrong password and an unknown email", async () => {
    const answer = async (credentials: Input<"login">) => {
      const error: unknown = await login(credentials).catch((thrown: unknown) => thrown);
      const { code, message, hint, field } = error as Record<string, unknown>;
      return { code, message, hint, field };
    };
    const wrong = await answer({ ...right, password: "battery staple" });
    expect(wrong).toMatchObject({ code: "unauthenticated", message: "Email or password is wrong." });
    expect(await answer({ ...right, email: "nobody@localhost" })).toEqual(wrong);
  });

  test("lets nobody guess for long", async () => {
    const guesses = Array.from({ length: 11 }, () => login({ email: "guess@localhost", password: "x" }));
    // Not waited for: that the others are checked takes seconds.
    const limited = guesses.map(async (guess) => {
      const error: unknown = await guess.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "rate_limited", retryAfterSeconds: 60 });
    });
    await Promise.any(limited);
  });
});
