import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import { parseRange } from "./address-guard.ts";
import type { Answer, OutgoingRequest } from "./answer.ts";
import { createSender } from "./sender.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const together = 50;
const grownMb = 5;

/** What is in use once nothing more is let go of: the ends of closed sockets come as late as the machine is busy. */
async function heapMb(): Promise<number> {
  for (let least = Infinity, steady = 0; ;) {
    await setTimeout(50);
    collect();
    const used = process.memoryUsage().heapUsed / 1e6;
    steady = used > least - 0.1 ? steady + 1 : 0;
    least = Math.min(least, used);
    if (steady === 5) return least;
  }
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Starts a server on loopback; answers where it is. */
async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Kind {
  start: () => Promise<string>;
  answer: Partial<Answer>;
  request?: Partial<OutgoingRequest>;
  requests?: number;
}

const kinds: Record<string, Kind> = {
  "new connections": {
    start: async () => {
      const server = createServer((_, response) => void response.setHeader("connection", "close").end("ok"));
      return `http://${await listen(server)}/`;
    },
    answer: { statusCode: 200 },
    requests: 20_000,
  },
  "connections that are kept": {
    start: async () => `http://${await listen(createServer((_, response) => void response.end("ok")))}/`,
    answer: { statusCode: 200 },
  },
  "connections that are refused": {
    start: () => Promise.resolve("http://127.0.0.1:1/"),
    answer: { errorCode: "refused" },
  },
  "requests that time out": {
    start: async () => {
      const silent = createTcpServer((socket) => void socket.on("error", () => {}).resume());
      return `http://${await listen(silent)}/`;
    },
    answer: { errorCode: "timeout" },
    request: { timeoutMs: 20 },
  },
  redirects: {
    start: async () => {
      const server = createServer(({ url }, response) => {
        response.setHeader("connection", "close");
        if (url === "/") response.writeHead(302, { location: "/there" }).end();
        else response.end("ok");
      });
      return `http://${await listen(server)}/`;
    },
    answer: { statusCode: 200 },
    request: { followRedirects: true },
  },
  "handshakes that fail": {
    start: async () => {
      const plain = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      });
      return `https://${await listen(plain)}/`;
    },
    answer: { status: "connection_error" },
    requests: 1500,
  },
};

test.each(Object.keys(kinds))("%s leave nothing behind in memory", { timeout: 120_000 }, async (name) => {
  const { start, answer, request, requests = 3000 } = kinds[name]!;
  const sender = createSender([parseRange("127.0.0.1")]);
  const url = await start();
  let sent = 0;
  const sendUntil = async (count: number): Promise<void> => {
    while (sent++ < count) {
      const plain = { method: "GET", url, headers: {}, body: null, timeoutMs: 10_000 };
      expect(await sender.send({ ...plain, ...request }).answer).toMatchObject(answer);
    }
  };
  const sendAll = async (count: number): Promise<number> => {
    sent = 0;
    await Promise.all(Array.from({ length: together }, () => sendUntil(count)));
    return heapMb();
  };
  const warm = await sendAll(1000);
  const after = await sendAll(requests);
  await sender.close();
  expect(after - warm).toBeLessThan(grownMb);
});
