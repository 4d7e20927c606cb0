import { beforeAll, describe, expect, inject, test } from "vitest";
import { type MatrixAction, type MatrixParty, trinityMatrix } from "@org/scheduler-core/testing";
import { ask, type Answered, type Json } from "./ask.ts";
import { connectMcp, type Mcp } from "./connect-mcp.ts";

const server = inject("server");
const unique = `${process.pid}-${Date.now()}`;
const worker = `worker-${unique}`;

const rest = (method: string, path: string, token: string, body?: Json): Promise<Answered> =>
  ask(server.url + path, { method, token, ...(body && { body }) });

async function made(path: string, body: Json, token = server.token): Promise<Json> {
  const answer = await rest("POST", path, token, body);
  expect(answer.status, JSON.stringify(answer.json)).toBe(201);
  return answer.json;
}

const key = async (body: Json, token?: string): Promise<string> =>
  (await made("/v1/tokens", { name: "e2e", ...body }, token))["token"] as string;

const hello = { name: "greeting", message: "Hello", cron: "0 9 1 1 *" };
const own = { agent: worker, ...hello };

interface Party {
  token: string;
  mcp: Mcp;
}

const parties = {} as Record<MatrixParty, Party>;

beforeAll(async () => {
  const user = async (name: string) => {
    const { id, email } = await made("/v1/users", { email: `${name}-${unique}@localhost`, role: "admin" });
    return { email: email as string, token: await key({ user_id: id }) };
  };
  const [owner, sharer] = [await user("owner"), await user("sharer")];
  const url = "https://agent.example/in";
  await made("/v1/agents", { name: worker, url, shared_with: [sharer.email] }, owner.token);
  for (const name of ["head", "other"])
    await made("/v1/agents", { name: `${name}-${unique}`, url }, owner.token);
  await rest("PUT", `/v1/agents/head-${unique}/permissions/${worker}`, owner.token);
  const tokens: Record<MatrixParty, string> = {
    own: owner.token,
    shared: sharer.token,
    self: await key({ kind: "agent", agent: worker }, owner.token),
    permitted: await key({ kind: "agent", agent: `head-${unique}` }, owner.token),
    other: await key({ kind: "agent", agent: `other-${unique}` }, owner.token),
    system: await key({ kind: "system" }),
  };
  for (const [party, token] of Object.entries(tokens))
    parties[party as MatrixParty] = { token, mcp: await connectMcp({ url: server.url, token }) };
  return async () => {
    for (const { mcp } of Object.values(parties)) await mcp[Symbol.asyncDispose]();
  };
});

const schedules = `/v1/agents/${worker}/schedules`;

/** How each thing is asked for over REST, of a schedule. */
const requests: Record<MatrixAction, (id: string) => [method: string, path: string, body?: Json]> = {
  list: () => ["GET", schedules],
  create: () => ["POST", schedules, hello],
  get: (id) => ["GET", `${schedules}/${id}`],
  update: (id) => ["PUT", `${schedules}/${id}`, { message: "Bye" }],
  delete: (id) => ["DELETE", `${schedules}/${id}`],
  toggle: (id) => ["POST", `${schedules}/${id}/disable`],
  trigger: (id) => ["POST", `${schedules}/${id}/trigger`],
  executions: (id) => ["GET", `${schedules}/${id}/executions`],
};

/** The same over MCP, whose native tools know a schedule as a job. */
const calls: Record<MatrixAction, (id: string) => [tool: string, args: Json]> = {
  list: () => ["list_jobs", { agent: worker }],
  create: () => ["create_job", own],
  get: (job_id) => ["get_job", { job_id }],
  update: (job_id) => ["update_job", { job_id, message: "Bye" }],
  delete: (job_id) => ["delete_job", { job_id }],
  toggle: (job_id) => ["pause_job", { job_id }],
  trigger: (job_id) => ["run_job", { job_id }],
  executions: (job_id) => ["list_executions", { job_id }],
};

const cells = (Object.keys(trinityMatrix) as MatrixAction[]).flatMap((action) =>
  (Object.keys(trinityMatrix[action]) as MatrixParty[]).map((party) => ({
    action,
    party,
    may: trinityMatrix[action][party],
  })),
);

describe("Trinity's matrix holds over REST and MCP alike", () => {
  test.each(cells)("$action by $party: $may", async ({ action, party, may }) => {
    const { token, mcp } = parties[party];
    const [one, other] = [
      await made("/v1/jobs", own, parties.own.token),
      await made("/v1/jobs", own, parties.own.token),
    ];
    const answer = await rest(...withToken(requests[action](one["id"] as string), token));
    const call = await mcp.call(...calls[action](other["id"] as string));
    if (may) {
      expect([200, 201]).toContain(answer.status);
      expect(call.isError, JSON.stringify(call.json)).toBe(false);
      return;
    }
    expect(answer).toMatchObject({ status: 404, json: { code: "not_found" } });
    // A list has nothing, where there is nothing to see.
    if (action === "list") expect(call).toMatchObject({ isError: false, json: { data: [] } });
    else expect(call).toMatchObject({ isError: true, json: { code: "not_found" } });
  });
});

function withToken(
  [method, path, body]: [method: string, path: string, body?: Json],
  token: string,
): [string, string, string, Json?] {
  return [method, path, token, body];
}

const job = { name: "bounded", url: "https://api.example.com/sync", draft: true };

/** What goes beyond each bound, and the field that is told. */
const beyond: [bounds: Json, job: Json, field: string | undefined][] = [
  [{ hosts: ["api.example.com"] }, { ...job, url: "https://evil.example" }, "url"],
  [{ methods: ["GET"] }, { ...job, method: "DELETE" }, "method"],
  [{ min_interval_seconds: 3600 }, { ...job, cron: "*/5 * * * *" }, "cron"],
  [{ secrets: [] }, { ...job, headers: { Authorization: "secret://stripe" } }, "headers"],
  [{ max_lifetime_days: 1 }, { ...job, cron: "0 9 * * *", end_at: "2999-01-01T00:00:00Z" }, "end_at"],
  [{ max_jobs: 0 }, job, undefined],
  [{ max_fires_per_day: 0 }, { ...job, draft: false }, undefined],
];

describe("bounds hold over REST and MCP alike", () => {
  test.each(beyond)("%o", async (bounds, input, field) => {
    const token = await key({ kind: "agent", agent: `bounded-${unique}`, bounds });
    const told = { code: "bound_exceeded", ...(field !== undefined && { field }) };
    const answer = await rest("POST", "/v1/jobs", token, input);
    expect(answer).toMatchObject({ status: 403, json: told });
    await using mcp = await connectMcp({ url: server.url, token });
    const call = await mcp.call("create_job", input);
    expect(call).toMatchObject({ isError: true, json: { code: "bound_exceeded" } });
    for (const { detail, hint } of [answer.json, call.json]) {
      expect(detail).toContain(`${Object.keys(bounds)[0]} of this key is`);
      expect(hint).toContain("GET /v1/me");
    }
    const me = await rest("GET", "/v1/me", token);
    expect(me.json["bounds"]).toEqual(bounds);
    const audit = await rest(
      "GET",
      `/v1/audit?token_id=${String(me.json["token_id"])}&outcome=refused`,
      server.token,
    );
    const rule = `bounds.${Object.keys(bounds)[0]}`;
    expect(audit.json["data"]).toMatchObject([{ operation: "create_job", rule, times: 2 }]);
  });

  test("how deep jobs make jobs is told by the delivery that a target received", async () => {
    const token = await key({ kind: "agent", agent: `deep-${unique}`, bounds: { max_depth: 0 } });
    const { id } = await made("/v1/jobs", job, token);
    const { id: execution } = await made(`/v1/jobs/${id as string}/run`, {}, token);
    const headers = { "Sched-Parent": execution as string };
    const deeper = await ask(`${server.url}/v1/jobs`, { token, headers, body: job });
    expect(deeper).toMatchObject({ status: 403, json: { code: "bound_exceeded" } });
    const wide = await ask(`${server.url}/v1/jobs`, { token: server.token, headers, body: job });
    expect(wide).toMatchObject({ status: 201, json: { parent_execution_id: execution } });
  });
});
