import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { parseRange } from "./address-guard.ts";
import { createSender } from "./attempt.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const requests = 20_000;
const together = 50;
const grownMb = 5;

async function heapMb(): Promise<number> {
  // What was closed a moment ago is let go of in the turns of the loop that follow.
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    collect();
  }
  return process.memoryUsage().heapUsed / 1e6;
}

test("requests over new connections leave nothing behind in memory", { timeout: 120_000 }, async () => {
  const server = createServer((_, response) => void response.setHeader("connection", "close").end("ok"));
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const sender = createSender([parseRange("127.0.0.1")]);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  let sent = 0;
  const sendUntil = async (count: number): Promise<void> => {
    while (sent++ < count) {
      const request = { method: "GET", url, headers: {}, body: null, timeoutMs: 10_000 };
      expect((await sender.send(request).answer).statusCode).toBe(200);
    }
  };
  const sendAll = (count: number) =>
    Promise.all(Array.from({ length: together }, () => sendUntil(count))).then(heapMb);
  const warm = await sendAll(2000);
  sent = 0;
  const after = await sendAll(requests);
  await sender.close();
  server.close();
  expect(after - warm).toBeLessThan(grownMb);
});
