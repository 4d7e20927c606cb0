import { afterEach, describe, expect, inject, test } from "vitest";
import { ask, type Json } from "./ask.ts";
import { connectMcp } from "./connect-mcp.ts";

const server = inject("server");
const unique = `${process.pid}-${Date.now()}`;

// A policy holds for a whole workspace, and the other tests share the first one.
const owner = await newWorkspace();

async function made(path: string, body: Json, token = server.token): Promise<Json> {
  const answer = await ask(server.url + path, { token, body });
  expect(answer.status, JSON.stringify(answer.json)).toBe(201);
  return answer.json;
}

async function newWorkspace(): Promise<string> {
  const { id } = await made("/v1/workspaces", { name: `policy ${unique}` });
  return (await made("/v1/tokens", { name: "owner", workspace_id: id }))["token"] as string;
}

async function put(policy: string): Promise<void> {
  const answer = await ask(`${server.url}/v1/policy`, {
    method: "PUT",
    token: owner,
    headers: { "Content-Type": "application/yaml" },
    body: policy === "" ? "# nothing\n" : policy,
  });
  expect(answer.status, JSON.stringify(answer.json)).toBe(200);
}

afterEach(() => put(""));

const agent = async () =>
  (await made("/v1/tokens", { name: "agent", kind: "agent", agent: "researcher" }, owner))["token"] as string;

describe("a policy over REST and MCP alike", () => {
  test("denies with its rule, its line and its reason, and hides what it forbids", async () => {
    const token = await agent();
    await put(`hide: [delete_job]
tools:
  create_secret:
    rules:
      - {action: deny, reason: Secrets are made by people}
  create_job:
    rules:
      - name: our host
        conditions: [{path: args.url, op: regex, value: "^https://api[.]example[.]com/"}]
`);
    await using mcp = await connectMcp({ url: server.url, token });
    const names = (await mcp.tools()).map(({ name }) => name);
    expect(names).toContain("create_job");
    expect(names).not.toContain("delete_job");
    expect(names).not.toContain("create_secret");
    const secret = { name: "a", value: "hush-hush" };
    const told = { code: "policy_denied", reason: "Secrets are made by people" };
    expect(await mcp.call("create_secret", secret)).toMatchObject({
      isError: true,
      json: { ...told, rule: `"create_secret#1", line 5 of the workspace's policy` },
    });
    const rest = await ask(`${server.url}/v1/secrets`, { token, body: secret });
    expect(rest).toMatchObject({ status: 403, json: told });
    expect(await mcp.call("delete_job", { job_id: "job_01h455vb4pex5vsknk084sn02q" })).toMatchObject({
      isError: true,
      json: { reason: 'Tool "delete_job" is hidden by policy' },
    });
    const job = { name: "a", url: "https://evil.example/x", draft: true };
    expect(await mcp.call("create_job", job)).toMatchObject({
      isError: true,
      json: { code: "policy_denied" },
    });
    const good = await mcp.call("create_job", { ...job, url: "https://api.example.com/x" });
    expect(good.isError, JSON.stringify(good.json)).toBe(false);
  });

  test("counts the calls of both faces together, and tells when to try again", async () => {
    const token = await agent();
    await put("tools: {list_queues: {rules: [{rate_limit: {max: 2, window: 600}}]}}");
    await using mcp = await connectMcp({ url: server.url, token });
    expect((await mcp.call("list_queues", {})).isError).toBe(false);
    const queues = () => ask(`${server.url}/v1/queues`, { token });
    expect((await queues()).status).toBe(200);
    const limited = await queues();
    expect(limited).toMatchObject({ status: 403, json: { code: "policy_denied" } });
    expect(Number(limited.headers.get("Retry-After"))).toBeGreaterThan(500);
    const call = await mcp.call("list_queues", {});
    expect(call).toMatchObject({
      isError: true,
      json: { retry_after_seconds: expect.any(Number) as number },
    });
  });

  test("does not let what it forbids be told beside an answer, nor keep the answer back for it", async () => {
    const token = await agent();
    await put("default: deny\ntools: {create_job: {rules: []}}");
    await using mcp = await connectMcp({ url: server.url, token });
    expect((await mcp.tools()).map(({ name }) => name)).toEqual(["create_job"]);
    const job = { name: "a", url: "https://api.example.com/x", draft: true, key: "k", dry_run: true };
    const tried = await mcp.call("create_job", job);
    expect(tried, JSON.stringify(tried.json)).toMatchObject({ isError: false, json: { name: "a" } });
  });

  test("has a person approve a call, which then goes through once", async () => {
    const token = await agent();
    await put("tools: {create_channel: {rules: [{action: require_approval}]}}");
    await using mcp = await connectMcp({ url: server.url, token });
    const channel = { name: "ops", type: "webhook", url: "https://api.example.com/told" };
    const asked = await mcp.call("create_channel", channel);
    expect(asked).toMatchObject({ isError: true, json: { code: "approval_required" } });
    const [, path] = /POST (\/v1\/approvals\/appr_\w+\/approve)/.exec(asked.json["hint"] as string)!;
    expect((await ask(server.url + path!, { method: "POST", token })).status).toBe(403);
    expect(await ask(server.url + path!, { method: "POST", token: owner })).toMatchObject({
      status: 200,
      json: { status: "approved", arguments: channel },
    });
    expect((await mcp.call("create_channel", channel)).isError).toBe(false);
    expect((await mcp.call("create_channel", channel)).json["code"]).toBe("approval_required");
  });

  test("is taken as JSON too, in a field or as the body itself, and tested before", async () => {
    const policy = { tools: { get_slo: { rules: [{ action: "deny" }] } } };
    for (const body of [{ policy }, policy, { policy: JSON.stringify(policy) }]) {
      const answer = await ask(`${server.url}/v1/policy`, { method: "PUT", token: owner, body });
      expect(answer).toMatchObject({ status: 200, json: { warnings: [] } });
    }
    const tested = await ask(`${server.url}/v1/policy/test`, {
      token: owner,
      body: { tool: "get_slo", expect: "deny" },
    });
    expect(tested).toMatchObject({ status: 200, json: { passed: true, decisions: [{ decision: "deny" }] } });
    const bad = await ask(`${server.url}/v1/policy`, {
      method: "PUT",
      token: owner,
      body: { policy: "tools: 5\nhide: 6" },
    });
    expect(bad).toMatchObject({ status: 422, json: { code: "invalid_policy" } });
    expect(bad.json["errors"]).toHaveLength(2);
  });
});
