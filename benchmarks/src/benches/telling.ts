import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createScheduler } from "@org/scheduler-core";
import { atLeast, type Bench, rowsOf } from "../bench.ts";
import { enterOurs } from "../harness/contest.ts";
import { type BenchDatabase, encryptionKey, token } from "../harness/database.ts";
import { printStatements } from "../harness/report.ts";
import type { Stage } from "../harness/stage.ts";
import { duplicates, lastArrival, median } from "../harness/statistics.ts";

/**
 * What secrets and rules cost a drain.
 *
 * As `drain`, of ours alone. Telling: each job names two of 1,000 secrets in its headers, and of each
 * tenth one a rule tells a channel when it succeeds. Plain: the same jobs, with values in their place, and no rule. In turns,
 * each in a fresh process on a fresh database; medians of the rounds. What the channel is told is counted afterwards.
 */
export const telling: Bench = {
  name: "telling",
  title: "a backlog whose jobs use secrets and whose ends are told, beside one without",
  async run(stage) {
    const rates: Record<Load, number[]> = { plain: [], telling: [] };
    for (let round = 0; round < stage.size(5, 1); round++) {
      for (const load of ["plain", "telling"] as const) rates[load].push(await rateOf(stage, load));
    }
    const [plain, told] = [median(rates.plain), median(rates.telling)];
    return {
      rows: rowsOf("jobs", "/s", [
        ["plain", plain],
        ["telling", told],
      ]),
      verdicts: [atLeast("must", 0.9, "× the rate without secrets and rules", told / plain)],
    };
  },
};

type Load = "plain" | "telling";

async function rateOf(stage: Stage, load: Load): Promise<number> {
  const count = stage.size(20_000, 300);
  const secrets = stage.size(1000, 20);
  await using entry = await enterOurs(stage, { watch: stage.profile });
  await entry.store({ url: stage.target.url, count });
  await using ear = await listen();
  if (load === "telling") await letTell(entry.database, { secrets, url: ear.url });
  else await giveValues(entry.database);
  await entry.database.client.query("vacuum (analyze) scheduler.revisions, scheduler.rules");
  await stage.target.reset({ expected: count });
  const begun = Date.now();
  await entry.start();
  await stage.target.arrived();
  const noted = await stage.target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  await entry.child.call("stop");
  if (stage.profile) printStatements(await entry.child.call("takeStatements"));
  if (load === "telling") await assertTold(entry.database, Math.ceil(count / 10));
  return (count / (lastArrival(noted) - begun)) * 1000;
}

async function giveValues({ client }: BenchDatabase): Promise<void> {
  await client.query(`update scheduler.revisions
    set headers = '{"X-One": "value-of-secret-number-1", "Authorization": "Bearer value-of-secret-number-2"}'`);
}

async function letTell(
  { client, url: databaseUrl }: BenchDatabase,
  to: { secrets: number; url: string },
): Promise<void> {
  const scheduler = await createScheduler({ databaseUrl, encryptionKey, allowedTargets: ["127.0.0.0/8"] });
  const caller = await scheduler.authenticate(token);
  for (let index = 0; index < to.secrets; index++) {
    const secret = { name: `secret-${index}`, value: `value-of-secret-number-${index}` };
    await scheduler.execute("create_secret", secret, caller);
  }
  const channel = { name: "ear", type: "webhook", url: to.url } as const;
  const { id: channel_id } = await scheduler.execute("create_channel", channel, caller);
  // Of nobody's queue; only its row is copied.
  await scheduler.execute("add_rule", { channel_id, event: "on_success", queue: "nobody" }, caller);
  await scheduler.close();
  const numbered = "(select id, row_number() over (order by id) as n from scheduler.revisions) x";
  const name = (n: string): string => `'secret-' || ((${n}) % ${to.secrets})`;
  await client.query(`update scheduler.revisions r
    set headers = jsonb_build_object('X-One', 'secret://' || ${name("x.n")},
        'Authorization', 'Bearer secret://' || ${name("x.n + 1")}),
      secrets = array[${name("x.n")}, ${name("x.n + 1")}]
    from ${numbered} where x.id = r.id`);
  await client.query(`insert into scheduler.rules (id, scope_id, channel_id, job_id, event, created_by, created_at)
    select gen_random_uuid(), r.scope_id, r.channel_id, j.id, r.event, r.created_by, r.created_at
    from scheduler.rules r, (
      select id, row_number() over (order by id) as n from scheduler.jobs where name like 'http%'
    ) j where j.n % 10 = 0`);
}

/** However many messages it became, each notification is counted. */
async function assertTold({ client }: BenchDatabase, count: number): Promise<void> {
  const { rows } = await client.query<{ told: number }>(
    `select coalesce(sum(coalesce((about #>> '{gathered,on_success,count}')::integer, 1)), 0)::integer as told
    from scheduler.deliveries`,
  );
  if (rows[0]!.told !== count) throw new Error(`of ${count} notifications, ${rows[0]!.told} are on record`);
}

/** Whoever is told; nothing but this process. */
async function listen(): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((request, response) => void request.resume().on("end", () => response.end()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
