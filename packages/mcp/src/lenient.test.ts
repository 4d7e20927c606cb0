import { describe, expect, it } from "vitest";
import { readLeniently } from "./lenient.ts";
import { tools } from "./tools.ts";

const byName = (name: string) => tools.find((tool) => tool.name === name)!;
const read = (name: string, args: unknown) => readLeniently(args, byName(name).reading);

const job = { name: "a", url: "https://a.example/" };

describe("what has one reading is read so, and said", () => {
  it.each<[tool: string, args: object, meant: object, said: RegExp]>([
    ["list_jobs", { limit: "5" }, { limit: 5 }, /read limit "5" as 5/],
    ["list_jobs", { limit: 1000 }, { limit: 100 }, /limit is at most 100/],
    ["list_jobs", { limit: " 1000 " }, { limit: 100 }, /at most 100/],
    ["list_jobs", { state: "PAUSED" }, { state: "paused" }, /as paused/],
    ["list_jobs", { response_format: "Detailed" }, { response_format: "detailed" }, /as detailed/],
    ["list_jobs", { metadata: '{"team":"a"}' }, { metadata: { team: "a" } }, /text of metadata as JSON/],
    ["preview_schedule", { count: "500", cron: "* * * * *" }, { count: 100, cron: "* * * * *" }, /at most/],
    ["get_job", { job_id: ' "job_x"\n' }, { job_id: "job_x" }, /as job_x/],
    ["get_job", { job_id: "`job_x`" }, { job_id: "job_x" }, /as job_x/],
    ["get_job", { id: "job_x" }, { job_id: "job_x" }, /read id as job_id/],
    ["get_job", { jobId: "job_x" }, { job_id: "job_x" }, /read jobId as job_id/],
    ["get_job", { job_id: 109 }, { job_id: "109" }, /^$/],
    ["get_execution", { id: "exec_x" }, { execution_id: "exec_x" }, /read id as execution_id/],
    ["create_job", { ...job, schedule: "1h" }, { ...job, when: "1h" }, /read schedule as when/],
    ["create_job", { ...job, timeout: "30s" }, { ...job, timeout_seconds: 30 }, /timeout.*"30s" as 30/],
    ["create_job", { ...job, timeout_seconds: "2 minutes" }, { ...job, timeout_seconds: 120 }, /as 120/],
    ["create_job", { ...job, every_n_minutes: "1h" }, { ...job, every_n_minutes: 60 }, /as 60/],
    ["create_job", { ...job, method: "post" }, { ...job, method: "POST" }, /as POST/],
    ["create_job", { ...job, overlap: "Cancel-Previous" }, { ...job, overlap: "cancel_previous" }, /as/],
    ["create_job", { ...job, dry_run: "true" }, { ...job, dry_run: true }, /"true" as true/],
    ["create_job", { ...job, draft: "False" }, { ...job, draft: false }, /as false/],
    ["create_job", { ...job, retry: '{"max_attempts":"3"}' }, { ...job, retry: { max_attempts: 3 } }, /JSON/],
    ["create_job", { ...job, success_statuses: "2XX" }, { ...job, success_statuses: ["2xx"] }, /list of one/],
    ["create_job", { ...job, success_statuses: 200 }, { ...job, success_statuses: [200] }, /list of one/],
    ["create_job", { ...job, success_statuses: ["200"] }, { ...job, success_statuses: [200] }, /as 200/],
    [
      "create_job",
      { ...job, success_statuses: '["2xx",304]' },
      { ...job, success_statuses: ["2xx", 304] },
      /JSON/,
    ],
    ["create_job", { ...job, headers: { "X-A": 1, "X-B": null } }, { ...job, headers: { "X-A": "1" } }, /^$/],
    ["create_job", { ...job, body: 5 }, { ...job, body: "5" }, /^$/],
    ["create_job", { ...job, timezone: " `Europe/Berlin` " }, { ...job, timezone: "Europe/Berlin" }, /as/],
    ["create_job", { ...job, run_at: "2030-01-15" }, { ...job, run_at: "2030-01-15T00:00:00Z" }, /run_at/],
    [
      "create_job",
      { ...job, run_at: "2030-01-15 09:00:00 UTC" },
      { ...job, run_at: "2030-01-15T09:00:00Z" },
      /run_at/,
    ],
    [
      "create_job",
      { ...job, assertions: { type: "STATUS_EQUALS", value: "200" } },
      { ...job, assertions: [{ type: "status_equals", value: 200 }] },
      /list of one/,
    ],
    [
      "create_job",
      {
        ...job,
        assertions: [
          { type: "json_path_equals", path: "$.a", value: "true" },
          { type: "json_path_equals", path: "$.b", value: '"5"' },
          { type: "json_path_equals", path: "$.c", value: "ok" },
          { type: "body_contains", value: 5 },
        ],
      },
      {
        ...job,
        assertions: [
          { type: "json_path_equals", path: "$.a", value: true },
          { type: "json_path_equals", path: "$.b", value: "5" },
          { type: "json_path_equals", path: "$.c", value: "ok" },
          { type: "body_contains", value: "5" },
        ],
      },
      /^$/,
    ],
    ["update_job", { job_id: "job_x", clear: "retry" }, { job_id: "job_x", clear: ["retry"] }, /list of one/],
    ["update_queue", { name: "`lab`", paused: "TRUE" }, { name: "lab", paused: true }, /as lab.*as true/],
  ])("%s %j", (tool, args, meant, said) => {
    const { args: readAs, bent } = read(tool, args);
    expect(readAs).toEqual(meant);
    expect(bent.join("; ")).toMatch(said);
    expect(byName(tool).checked.input.safeParse(readAs)).toMatchObject({ success: true });
  });
});

describe("what has two readings, or none, stays as it is and is refused", () => {
  it.each<[tool: string, args: object]>([
    ["get_job", { id: "job_a", job_id: "job_b" }],
    ["get_job", { id: "job_a", jobId: "job_b" }],
    ["create_job", { ...job, schedule: "1h", when: "2h" }],
    ["create_job", { ...job, timeout_seconds: "soon" }],
    ["create_job", { ...job, max_runs: "5m" }],
    ["create_job", { ...job, draft: "yes" }],
    ["create_job", { ...job, retry: "3" }],
    ["create_job", { ...job, retry: { retries: 3 } }],
    ["create_job", { ...job, method: "FETCH" }],
    ["create_job", { ...job, headers: "X-A: 1" }],
    ["create_job", { ...job, metadata: ["a"] }],
    ["create_job", { ...job, timeout_seconds: 600 }],
    ["create_job", { ...job, timezone: "Europe/Berlin", run_at: "2030-01-15T09:00:00" }],
    ["create_job", { ...job, name: null }],
    ["list_jobs", { limit: "many" }],
    ["list_jobs", { limit: 0 }],
    ["list_jobs", { limit: "1e400" }],
  ])("%s %j", (tool, args) => {
    expect(byName(tool).checked.input.safeParse(read(tool, args).args)).toMatchObject({ success: false });
  });
});

/** What a strict client sends for every argument that it leaves out. */
const nothings = [null, "null", "", " "];

describe.each(nothings)("%j for an optional argument is an argument left out", (nothing) => {
  it.each(tools)("of $name", ({ reading }) => {
    const { properties = {}, required = [] } = reading;
    const optional = Object.keys(properties).filter((name) => !required.includes(name));
    const args = Object.fromEntries(optional.map((name) => [name, nothing]));
    expect(readLeniently(args, reading)).toEqual({ args: {}, bent: [] });
  });

  it("also within an object and a list", () => {
    const nested = { ...job, retry: { max_attempts: 3, factor: nothing }, success_statuses: [null, "2xx"] };
    expect(read("create_job", nested).args).toMatchObject({
      retry: { max_attempts: 3 },
      success_statuses: ["2xx"],
    });
  });
});

it("what a target gets is not bent", () => {
  const said = { ...job, headers: { "X-Queue": " `q` " }, metadata: { id: ' "x" ' }, body: ' "text" ' };
  expect(read("create_job", said)).toEqual({ args: said, bent: [] });
});

it.each([undefined, null, "text", [1]])("%j is no object of arguments", (args) => {
  expect(readLeniently(args, byName("list_jobs").reading).args).toEqual(args ?? {});
});
