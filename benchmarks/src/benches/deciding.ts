import type { Bounds } from "@org/scheduler-contract";
import { createScheduler, type Scheduler } from "@org/scheduler-core";
import { atMost, type Bench, rowsOf } from "../bench.ts";
import { encryptionKey, token } from "../harness/database.ts";
import type { Stage } from "../harness/stage.ts";
import { median } from "../harness/statistics.ts";

/**
 * What it costs to decide whether a create may be.
 *
 * One process, one database, `create_job` through the library, one call after the other. Free: an agent's key without
 * bounds, in a workspace without a policy. Decided: an agent's key with bounds on hosts, methods and intervals, in a
 * workspace whose policy has 50 rules: ten of them on `create_job`, one of which counts, and two on all tools. Counted: the
 * same key with a bound on its jobs, too. In turns; medians of the rounds, of the processor time of this process. The verdict
 * is the median of what each round makes of it: the machine is another one from minute to minute.
 */
export const deciding: Bench = {
  name: "deciding",
  title: "creating jobs with bounds and a policy of 50 rules, beside neither",
  async run(stage) {
    const spent: Record<Side, number[]> = { free: [], decided: [], counted: [] };
    await using database = await stage.databases.create("ours");
    const scheduler = await createScheduler({ databaseUrl: database.url, encryptionKey });
    try {
      const callers = {
        free: await prepare(scheduler, undefined),
        decided: await prepare(scheduler, plain),
        counted: await prepare(scheduler, { ...plain, max_jobs: 1_000_000 }),
      };
      for (const side of sides) await millisecondsOf(stage, scheduler, callers[side]);
      for (let round = 0; round < stage.size(41, 1); round++)
        for (const side of sides) spent[side].push(await millisecondsOf(stage, scheduler, callers[side]));
    } finally {
      await scheduler.close();
    }
    const times = median(spent.decided.map((ms, round) => ms / spent.free[round]!));
    const [free, decided, counted] = [median(spent.free), median(spent.decided), median(spent.counted)];
    return {
      rows: rowsOf("processor time of a create", "ms", [
        ["free", free],
        ["decided", decided],
        ["counted", counted],
      ]),
      verdicts: [atMost("must", 1.1, "× the processor time without bounds and policy", times)],
    };
  },
};

const sides = ["free", "decided", "counted"] as const;
type Side = (typeof sides)[number];
const plain: Bounds = {
  hosts: ["*.example.com", "a.example"],
  methods: ["GET"],
  min_interval_seconds: 3600,
};
type Caller = Awaited<ReturnType<Scheduler["authenticate"]>>;

/** Somebody in a workspace of its own: a policy is a workspace's. */
async function prepare(scheduler: Scheduler, bounds: Bounds | undefined): Promise<Caller> {
  const admin = await scheduler.authenticate(token);
  const { id: workspace_id } = await scheduler.execute("create_workspace", { name: "bench" }, admin);
  const owner = await scheduler.execute("create_token", { name: "owner", workspace_id }, admin);
  const caller = await scheduler.authenticate(owner.token);
  if (bounds) await scheduler.execute("put_policy", { policy: fiftyRules() }, caller);
  const key = { name: "agent", kind: "agent" as const, agent: "bench", ...(bounds && { bounds }) };
  const made = await scheduler.execute("create_token", key, caller);
  return scheduler.authenticate(made.token);
}

function fiftyRules(): string {
  const conditions = [
    '{path: args.url, op: regex, value: "^https://a[.]example/"}',
    "{path: args.method, op: exists, value: false}",
    "{path: args.name, op: neq, value: forbidden}",
    "{path: args.cron, op: contains, value: '3 * * *'}",
    "{path: args.max_runs, op: exists, value: false}",
    "{path: args.queue, op: exists, value: false}",
    "{path: args.name, op: regex, value: '^bench [0-9]+$'}",
    "{path: args.timeout_seconds, op: exists, value: false}",
    "{path: args.name, op: not_in, value: [a, b, c]}",
  ];
  const own = conditions.map((condition) => `      - conditions: [${condition}]`).join("\n");
  const others = ["update_job", "delete_job", "run_job", "create_secret"].flatMap((tool) => [
    `  ${tool}:\n    rules:`,
    ...Array.from(
      { length: 9 },
      (_, index) => `      - conditions: [{path: args.a${index}, op: exists, value: false}]`,
    ),
  ]);
  return [
    "tools:",
    "  create_job:\n    rules:",
    own,
    "      - rate_limit: 100000000/day",
    ...others,
    '  "*":\n    rules:',
    "      - conditions: [{path: args.nobody, op: exists, value: false}]",
    "      - validate: {required_args: true}",
    "  get_job:\n    rules: [{action: allow}, {action: allow}]",
    "",
  ].join("\n");
}

let made = 0;

async function millisecondsOf(stage: Stage, scheduler: Scheduler, caller: Caller): Promise<number> {
  const count = stage.size(100, 10);
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) {
    const input = { name: `bench ${made++}`, url: "https://a.example/x", cron: `${made % 60} 3 * * *` };
    await scheduler.execute("create_job", input, caller);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}
