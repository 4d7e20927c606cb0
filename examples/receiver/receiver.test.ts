import { createScheduler } from "@org/scheduler-core";
import { startTarget } from "@org/scheduler-core/testing";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createReceiver } from "./receiver.ts";

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("what the scheduler sends is done once, however often it comes; nothing else is done", async () => {
  const scheduler = await createScheduler({
    encryptionKey: randomBytes(32),
    allowedTargets: ["127.0.0.0/8"],
  });
  const { token } = await scheduler.bootstrap({ adminEmail: "me@example.com" });
  const caller = await scheduler.authenticate(token);
  const { secret } = await scheduler.execute("create_signing_secret", {}, caller);

  const done: string[] = [];
  let failures = 1;
  const receiver = createReceiver([secret], async (body) => {
    if (failures-- > 0) throw new Error("not yet");
    done.push(body);
  });
  const url = await listen(receiver);
  // Stands between the two, and hands on what it gets: the first answer of all gets lost on its way back.
  const between = await startTarget();
  const statuses: number[] = [];
  between.answer(async ({ method, path, headers, body }, response) => {
    const kept = Object.entries(headers).filter(([name]) => /^(sched|idempotency|content-type)/.test(name));
    const answer = await fetch(url + path, { method, headers: kept as [string, string][], body });
    statuses.push(answer.status);
    response.writeHead(statuses.length === 2 ? 502 : answer.status).end();
  });

  const worker = scheduler.createWorker();
  await worker.start();
  const retry = { max_attempts: 5, strategy: "fixed", base_seconds: 0.1, jitter: false } as const;
  const job = {
    name: "order",
    url: `${between.url}/orders?of=today`,
    method: "POST",
    body: { order: 42 },
    retry,
  } as const;
  const { id: job_id } = await scheduler.execute("create_job", job, caller);
  await between.arrived(1);
  const { data } = await scheduler.execute("list_executions", { job_id }, caller);
  const ended = { execution_id: data[0]!.id, wait_seconds: 10 };
  expect(await scheduler.execute("wait_for_execution", ended, caller)).toMatchObject({ status: "succeeded" });
  expect(statuses).toEqual([503, 200, 200]);
  expect(done).toEqual(['{"order":42}']);

  const [{ headers } = { headers: {} }] = between.arrivals;
  const forged = { ...(headers as Record<string, string>) };
  delete forged.host;
  for (const body of ['{"order":43}', ""])
    expect(
      (await fetch(url, { method: "POST", headers: { ...forged, "content-length": `${body.length}` }, body }))
        .status,
    ).toBe(401);
  expect((await fetch(url)).status).toBe(401);
  expect(done).toHaveLength(1);

  await scheduler.close();
  await between.close();
  receiver.close();
  receiver.closeAllConnections();
}, 30_000);

test("the README shows it as it is", async () => {
  const [readme, receiver] = await Promise.all(
    ["../../README.md", "receiver.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")),
  );
  expect(readme).toContain(receiver);
});
