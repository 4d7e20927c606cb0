import { describe, expect, test } from "vitest";
import type { Input, Role } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run } = testBench({ clock });

const password = "long enough";
let count = 0;

async function add(role: Role, caller?: Caller, more: Partial<Input<"create_user">> = {}) {
  const email = `user${count++}@localhost`;
  const user = await run("create_user", { email, password, role, ...more }, caller);
  return { ...user, email };
}

async function logIn(email: string, workspace_id?: string): Promise<Caller> {
  // Each log-in counts as a guess, and a minute's guesses are few.
  clock.advance(60_000);
  const { token } = await setup.scheduler.execute("login", { email, password, workspace_id });
  return setup.scheduler.authenticate(token);
}

async function key(fields: Partial<Input<"create_token">>, caller?: Caller): Promise<Caller> {
  const { token } = await run("create_token", { name: "a key", ...fields }, caller);
  return setup.scheduler.authenticate(token);
}

const job: Input<"create_job"> = { name: "a job", url: "https://a.example" };
const forbidden = { code: "forbidden", hint: expect.stringMatching(/\w/) as string };

describe("a role", () => {
  test("of a member is to read", async () => {
    const member = await logIn((await add("member")).email);
    expect(await run("get_me", {}, member)).toMatchObject({ read_only: true, user: { role: "member" } });
    expect((await run("list_jobs", {}, member)).data).toEqual([]);
    await expect(run("create_job", job, member)).rejects.toMatchObject(forbidden);
    await expect(run("list_tokens", {}, member)).rejects.toMatchObject(forbidden);
    const { operations } = await run("get_me", {}, member);
    expect(operations).toEqual(expect.arrayContaining(["list_jobs", "logout", "list_users"]));
    expect(operations).not.toEqual(expect.arrayContaining(["create_job"]));
  });

  test("of an admin is all but users, workspaces, system keys and the keys of others", async () => {
    const other = await add("owner");
    const admin = await logIn((await add("admin")).email);
    await run("create_job", job, admin);
    await run("create_token", { name: "mine" }, admin);
    const theirs = await run("create_token", { name: "theirs", user_id: other.id });
    const refused = [
      run("create_user", { email: "x@localhost" }, admin),
      run("create_workspace", { name: "x" }, admin),
      run("update_user", { user_id: other.id, role: "member" }, admin),
      run("delete_user", { user_id: other.id }, admin),
      run("create_token", { name: "x", kind: "system" }, admin),
      run("create_token", { name: "x", user_id: other.id }, admin),
      run("rotate_token", { token_id: theirs.id }, admin),
    ];
    await Promise.all(refused.map((one) => expect(one).rejects.toMatchObject(forbidden)));
  });

  test("is taken away from the next request on, of tokens too, and one owner stays", async () => {
    const { id: user_id, email } = await add("owner");
    const caller = await logIn(email);
    const made = await run("create_token", { name: "mine" }, caller);
    await run("update_user", { user_id, role: "member" });
    expect((await setup.scheduler.authenticate(made.token)).role).toBe("member");
    await run("update_user", { user_id, role: "admin" });
    const admin = await setup.scheduler.authenticate(made.token);
    await run("register_agent", { name: "orphan", url: "https://agent.example" }, admin);
    expect(await run("delete_user", { user_id })).toMatchObject({ deleted: true, agents: 1 });
    expect((await run("get_agent", { agent: "orphan" })).owner).toBe("admin@localhost");
    const left = { code: "unauthenticated", message: expect.stringContaining("left") as string };
    await expect(setup.scheduler.authenticate(made.token)).rejects.toMatchObject(left);
    await expect(logIn(email)).rejects.toMatchObject({ code: "forbidden" });
    const owners = (await run("list_users", { limit: 100 })).data.filter(({ role }) => role === "owner");
    const me = (await run("get_me", {})).user!;
    for (const { id } of owners) if (id !== me.id) await run("update_user", { user_id: id, role: "admin" });
    await Promise.all(
      [run("update_user", { user_id: me.id, role: "admin" }), run("delete_user", { user_id: me.id })].map(
        (change) => expect(change).rejects.toMatchObject({ code: "conflict" }),
      ),
    );
  });
});

describe("a workspace", () => {
  test("that somebody makes is empty, and its maker's; a user may be in several", async () => {
    await run("create_job", job);
    const other = await run("create_workspace", { name: "Other" });
    expect(other).toMatchObject({ name: "Other", role: "owner" });
    const mine = (await run("list_workspaces", {})).data;
    expect(mine.map(({ id }) => id)).toContain(other.id);
    const inOther = await key({ workspace_id: other.id });
    expect((await run("get_me", {}, inOther)).workspace).toMatchObject({ id: other.id, name: "Other" });
    expect((await run("list_jobs", {}, inOther)).data).toEqual([]);
    const guest = await add("admin", inOther);
    await run("create_user", { email: guest.email, role: "member" });
    const [there, here] = [
      await logIn(guest.email, other.id),
      await logIn(guest.email, (await run("get_me", {})).workspace.id),
    ];
    expect([there.role, here.role]).toEqual(["admin", "member"]);
    expect((await run("get_me", {}, await logIn(guest.email))).workspace.id).toBe(other.id);
  });

  test("that the system makes is entered by its first owner", async () => {
    const system = await key({ kind: "system" });
    const { id: workspace_id, role } = await run("create_workspace", { name: "Made" }, system);
    expect(role).toBeNull();
    const owner = await add("owner", system, { workspace_id });
    expect((await run("get_me", {}, await logIn(owner.email))).workspace.id).toBe(workspace_id);
  });

  test("is none of those who are not in it", async () => {
    const other = await run("create_workspace", { name: "Other" });
    const stranger = await logIn((await add("owner", await key({ workspace_id: other.id }))).email);
    const home = (await run("get_me", {})).workspace.id;
    await Promise.all(
      [
        run("create_user", { email: "x@localhost", workspace_id: home }, stranger),
        run("create_token", { name: "x", workspace_id: home }, stranger),
      ].map((attempt) => expect(attempt).rejects.toMatchObject({ code: "not_found", field: "workspace_id" })),
    );
    const { email } = await add("member");
    await expect(logIn(email, other.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("adds nobody twice, and sets no password of an account that is there", async () => {
    const { email } = await add("member");
    await expect(run("create_user", { email, password })).rejects.toMatchObject({ code: "conflict" });
    const other = await key({ workspace_id: (await run("create_workspace", { name: "Other" })).id });
    await expect(run("create_user", { email, password }, other)).rejects.toMatchObject({
      code: "conflict",
      field: "password",
    });
    const made = await run("create_user", { email: "made-up@localhost" });
    expect(made).toMatchObject({ created: true, password: expect.stringMatching(/^.{20,}$/) as string });
  });
});

describe("a token", () => {
  test("with scopes does what they name, and no more", async () => {
    const narrow = await key({ scopes: ["executions", "get_job"] });
    const { id: job_id } = await run("create_job", job);
    expect((await run("get_job", { job_id }, narrow)).id).toBe(job_id);
    await run("list_executions", {}, narrow);
    expect(await run("get_me", {}, narrow)).toMatchObject({ scopes: ["executions", "get_job"] });
    await Promise.all(
      [
        run("create_job", job, narrow),
        run("list_jobs", {}, narrow),
        run("create_token", { name: "wider" }, narrow),
      ].map((refused) => expect(refused).rejects.toMatchObject(forbidden)),
    );
    const maker = await key({ scopes: ["create_token", "get_job"] });
    expect(await key({}, maker)).toMatchObject({ scopes: ["create_token", "get_job"] });
    await expect(key({ scopes: ["jobs"] }, maker)).rejects.toMatchObject({
      code: "forbidden",
      field: "scopes",
    });
  });

  test("that is rotated keeps its id, and its old value works until the overlap ends", async () => {
    const made = await run("create_token", { name: "turning", kind: "service", bounds: { max_jobs: 2 } });
    const next = await run("rotate_token", { token_id: made.id, overlap_seconds: 60 });
    expect(next).toMatchObject({
      id: made.id,
      bounds: { max_jobs: 2 },
      previous_valid_until: "2026-03-01T12:01:00.000Z",
    });
    expect(next.token).not.toBe(made.token);
    for (const { token } of [made, next])
      expect((await setup.scheduler.authenticate(token)).tokenId).toBeTruthy();
    clock.advance(60_001);
    await expect(setup.scheduler.authenticate(made.token)).rejects.toMatchObject({ code: "unauthenticated" });
    await setup.scheduler.authenticate(next.token);
    const last = await run("rotate_token", { token_id: made.id, overlap_seconds: 0 });
    await expect(setup.scheduler.authenticate(next.token)).rejects.toMatchObject({ code: "unauthenticated" });
    await run("delete_token", { token_id: made.id });
    await expect(setup.scheduler.authenticate(last.token)).rejects.toMatchObject({ code: "unauthenticated" });
    const listed = JSON.stringify((await run("list_tokens", { limit: 100 })).data);
    for (const { token } of [made, next, last]) expect(listed).not.toContain(token.slice(14));
  });
});
