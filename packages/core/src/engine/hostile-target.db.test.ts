import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { sql } from "kysely";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Input, Output } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import type { Worker } from "./worker.ts";

vi.setConfig({ testTimeout: 30_000 });
const { setup, target, run, create } = testBench();

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startWorker(concurrency: number): Promise<Worker> {
  const worker = setup.scheduler.createWorker({ concurrency });
  cleanups.push(() => worker.stop());
  await worker.start();
  return worker;
}

/** What a target does with a connection once something was asked on it. */
type Trick = (socket: Socket, count: number) => void;

/** A target with a trick of its own; answers where it is, as host and port. */
async function startHostile(trick: Trick): Promise<{ host: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", () => trick(socket, ++count));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

const says =
  (bytes: string | Buffer): Trick =>
  (socket) =>
    void socket.write(bytes);

/** Writes for as long as somebody reads. */
function endless(head: string, piece: string): Trick {
  return (socket) => {
    socket.write(head);
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
      socket.once("drain", more);
    };
    more();
  };
}

const drips: Trick = (socket) => {
  socket.write("HTTP/1.1 200 OK\r\nX-Slow: ");
  const drip = setInterval(() => socket.write("s"), 20);
  socket.on("close", () => clearInterval(drip));
};

function bomb(): Buffer {
  const body = gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 1 });
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const ok = "HTTP/1.1 200 OK\r\n";
const piece = `4000\r\n${"z".repeat(0x4000)}\r\n`;

interface Story {
  trick: Trick;
  scheme?: "https";
  job?: Partial<Input<"create_job">>;
  /** Each attempt: its status, its error code, the target's status. */
  attempts: string[];
  becomes: "succeeded" | "failed";
  reason?: "terminal";
}

/** Long enough for a machine that is busy, for those whose answer is in time. */
const hanging = { timeout_seconds: 3 };
const twice = (attempt: string): string[] => [attempt, attempt];

const stories: Record<string, Story> = {
  hangs: { trick: () => {}, job: hanging, attempts: twice("timeout timeout -"), becomes: "failed" },
  "sends its headers a byte at a time": {
    trick: drips,
    job: hanging,
    attempts: twice("timeout timeout -"),
    becomes: "failed",
  },
  "sends headers without an end": {
    trick: endless(ok, "X-More: more of the same\r\n"),
    attempts: twice("connection_error connection -"),
    becomes: "failed",
  },
  "hangs in the middle of the body": {
    trick: says(`${ok}Content-Length: 99\r\n\r\nhalf`),
    job: hanging,
    attempts: twice("timeout timeout 200"),
    becomes: "failed",
  },
  "resets in the middle of the body": {
    trick: (socket) => {
      socket.write(`${ok}Content-Length: 99\r\n\r\nhalf`);
      setTimeout(() => socket.resetAndDestroy(), 100);
    },
    attempts: twice("connection_error reset 200"),
    becomes: "failed",
  },
  "resets at once, and answers the second time": {
    trick: (socket, count) =>
      count === 1 ? void socket.resetAndDestroy() : void socket.end(`${ok}Content-Length: 2\r\n\r\nok`),
    attempts: ["connection_error reset -", "succeeded - 200"],
    becomes: "succeeded",
  },
  "has a body without an end": {
    trick: endless(`${ok}Transfer-Encoding: chunked\r\n\r\n`, piece),
    attempts: ["succeeded - 200 cut"],
    becomes: "succeeded",
  },
  "has a body without an end, of which something is expected": {
    trick: endless(`${ok}Transfer-Encoding: chunked\r\n\r\n`, piece),
    job: { assertions: [{ type: "body_contains", value: "the end" }] },
    attempts: twice("http_error assertion 200 cut"),
    becomes: "failed",
  },
  "sends a bomb": { trick: says(bomb()), attempts: ["succeeded - 200 cut"], becomes: "succeeded" },
  "does not speak HTTP": {
    trick: says("220 mail.example.com ESMTP\r\n"),
    attempts: twice("connection_error connection -"),
    becomes: "failed",
  },
  "does not speak TLS": {
    trick: says("220 mail.example.com ESMTP\r\n"),
    scheme: "https",
    attempts: twice("connection_error tls -"),
    becomes: "failed",
  },
  "leads to a private address": {
    trick: says("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
    job: { follow_redirects: true },
    attempts: ["blocked address_blocked 302"],
    becomes: "failed",
  },
  "leads in a circle": {
    trick: says("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
    job: { follow_redirects: true },
    attempts: twice("connection_error redirect 302"),
    becomes: "failed",
  },
  "is gone, and says so for ever and a day": {
    trick: says("HTTP/1.1 410 Gone\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"),
    attempts: ["http_error status 410"],
    becomes: "failed",
    reason: "terminal",
  },
  "has a storm of 429 and asks for a second": {
    trick: (socket, count) =>
      void socket.write(
        count === 1
          ? "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
          : `${ok}Content-Length: 2\r\n\r\nok`,
      ),
    attempts: ["http_error status 429", "succeeded - 200"],
    becomes: "succeeded",
  },
};

async function overCount(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from scheduler.executions where finished_at is not null`.execute(
    setup.scheduler.engine.database.db,
  );
  return rows[0]!.count;
}

async function onlyExecutionOf(job_id: string): Promise<Output<"get_execution">> {
  const { data } = await run("list_executions", { job_id });
  expect(data).toHaveLength(1);
  return run("get_execution", { execution_id: data[0]!.id });
}

const inWords = ({ attempts }: Output<"get_execution">): string[] =>
  attempts.map(({ status, error_code, status_code, response_truncated }) =>
    [status, error_code ?? "-", status_code ?? "-", response_truncated ? "cut" : ""].join(" ").trim(),
  );

describe("a target that misbehaves", () => {
  test("is on record with what it did, keeps no slot, and costs nobody an execution", async () => {
    const retry = { max_attempts: 2, strategy: "fixed", base_seconds: 0.05, jitter: false } as const;
    const sockets: Set<Socket>[] = [];
    const jobs = await Promise.all(
      Object.entries(stories).map(async ([name, story]) => {
        const hostile = await startHostile(story.trick);
        sockets.push(hostile.sockets);
        const url = `${story.scheme ?? "http"}://${hostile.host}/`;
        const { id } = await create({ name, url, timeout_seconds: 20, retry, ...story.job });
        return { name, story, id };
      }),
    );
    const good = await create();
    const worker = await startWorker(20);
    await expect.poll(overCount, { timeout: 25_000, interval: 50 }).toBe(jobs.length + 1);

    const seen: Record<string, object> = {};
    const expected: Record<string, object> = {};
    for (const { name, story, id } of jobs) {
      const execution = await onlyExecutionOf(id);
      const { status, reason } = execution;
      seen[name] = { status, reason, attempts: inWords(execution) };
      expected[name] = {
        status: story.becomes,
        reason: story.reason ?? null,
        attempts: story.attempts,
      };
      for (const { status: of, error, response_body } of execution.attempts) {
        expect(error === null).toBe(of === "succeeded");
        expect(response_body?.length ?? 0).toBeLessThanOrEqual(64 * 1024);
      }
    }
    expect(seen).toEqual(expected);
    expect(await onlyExecutionOf(good.id)).toMatchObject({ status: "succeeded" });
    expect(worker.slots()).toEqual({ busy: 0, free: 20 });
    const open = (): number => sockets.reduce((sum, { size }) => sum + size, 0);
    await expect.poll(open, { timeout: 25_000 }).toBe(0);
  });

  test("after a storm of 429 each request waits as long as it was asked to", async () => {
    target.answer((_, response) => void response.writeHead(429, { "Retry-After": "1" }).end());
    const retry = { strategy: "fixed", base_seconds: 0, jitter: false } as const;
    for (let job = 0; job < 20; job++) await create({ retry });
    await startWorker(5);
    await target.arrived(20);
    target.answer(200);
    await expect.poll(overCount, { timeout: 25_000, interval: 50 }).toBe(20);
    const { data } = await run("list_executions", { limit: 100 });
    expect(data).toHaveLength(20);
    for (const { id, status } of data) {
      expect(status).toBe("succeeded");
      const { attempts } = await run("get_execution", { execution_id: id });
      const [first, second] = attempts.map(({ started_at }) => Date.parse(started_at));
      expect(attempts).toHaveLength(2);
      expect(second! - first!).toBeGreaterThanOrEqual(1000);
    }
  });
});
