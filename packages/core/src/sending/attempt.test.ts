import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTarget, type Target } from "../testing/index.ts";
import { startNameServer } from "../testing/name-server.ts";
import { parseRange } from "./address-guard.ts";
import type { Answer, OutgoingRequest, Sending } from "./answer.ts";
import { createSender, type Sender } from "./sender.ts";

const maxBody = 64 * 1024;

let sender: Sender;
let target: Target;
beforeAll(async () => {
  sender = createSender([parseRange("127.0.0.0/8")]);
  target = await startTarget();
});
afterAll(async () => {
  await sender.close();
  await target.close();
});
beforeEach(() => {
  target.arrivals.length = 0;
  target.answer(200);
});

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function start(request: Partial<OutgoingRequest> & { url: string }, by = sender): Sending {
  return by.send({ method: "GET", headers: {}, body: null, timeoutMs: 5000, ...request });
}

function send(request: Partial<OutgoingRequest> & { url: string }, by = sender): Promise<Answer> {
  return start(request, by).answer;
}

/** A target that speaks bytes: what HTTP servers refuse to send. */
interface Peer {
  url: string;
  sockets: Socket[];
  /** All that arrived, on every connection. */
  received(): string;
  /** Resolves when a request's headers have arrived. */
  asked(): Promise<void>;
  /** Resolves when the sender has let go of every connection. */
  abandoned(): Promise<void>;
}

async function startPeer(onRequest: (socket: Socket, count: number) => void): Promise<Peer> {
  const sockets: Socket[] = [];
  let received = "";
  let requests = 0;
  const asked = Promise.withResolvers<void>();
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (!received.endsWith("\r\n\r\n")) return;
      asked.resolve();
      onRequest(socket, ++requests);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets,
    received: () => received,
    asked: () => asked.promise,
    async abandoned() {
      const open = sockets.filter((socket) => !socket.closed);
      await Promise.all(open.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    },
  };
}

/** A target that answers every request with these bytes. */
function startRaw(answer: string | Buffer, { end = false } = {}): Promise<Peer> {
  return startPeer((socket) => {
    socket.write(answer);
    if (end) socket.end();
  });
}

describe("an answer", () => {
  test("has its status, its headers, its body and the time it took", async () => {
    target.answer((_, response) => {
      response.writeHead(418, { "X-Tea": "yes", "set-cookie": ["a=1", "b=2"] }).end("héllo ✓");
    });
    const answer = await send({
      url: `${target.url}/tea?x=1#hash`,
      method: "POST",
      body: "ping",
      headers: { a: "b" },
    });
    expect(answer).toMatchObject({
      status: "succeeded",
      errorCode: null,
      error: null,
      statusCode: 418,
      headers: { "x-tea": "yes", "set-cookie": ["a=1", "b=2"] },
      body: "héllo ✓",
      truncated: false,
    });
    expect(answer.latencyMs).toBeGreaterThan(0);
    expect(target.arrivals).toMatchObject([
      { method: "POST", path: "/tea?x=1", body: "ping", headers: { a: "b" } },
    ]);
  });

  test.each([
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"],
    ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
    ["an empty body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ])("of %s is whole without a body", async (_, method, bytes) => {
    const peer = await startRaw(bytes);
    expect(await send({ url: peer.url, method })).toMatchObject({
      status: "succeeded",
      body: "",
      truncated: false,
    });
  });

  test("may come after others of 1xx", async () => {
    const early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    const peer = await startRaw(`${early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
    const answer = await send({ url: peer.url });
    expect(answer).toMatchObject({ status: "succeeded", statusCode: 200, body: "ok" });
    expect(answer.headers).not.toHaveProperty("link");
  });

  test("may end with the connection instead of a length", async () => {
    const peer = await startRaw("HTTP/1.0 200 OK\r\n\r\nall of it", { end: true });
    expect(await send({ url: peer.url })).toMatchObject({
      status: "succeeded",
      body: "all of it",
      truncated: false,
    });
  });

  test("that redirects is an answer like any other: nobody goes there", async () => {
    target.answer((_, response) => void response.writeHead(302, { location: `${target.url}/private` }).end());
    expect(await send({ url: target.url })).toMatchObject({ statusCode: 302, status: "succeeded" });
    expect(target.arrivals).toHaveLength(1);
  });

  test("keeps what a database can hold: no NUL, no half characters", async () => {
    const bytes = Buffer.from([0x61, 0, 0x62, 0xff, 0xed, 0xa0, 0x80, 0x63, 1]);
    target.answer((_, response) => {
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(bytes);
    });
    const { body } = await send({ url: target.url });
    expect(body).toBe("a�b����c\u0001");
    expect(body!.isWellFormed()).toBe(true);
  });

  test("has header values as UTF-8, else as Latin-1, and names that objects have themselves", async () => {
    const raw = Buffer.from(
      "HTTP/1.1 200 OK\r\nx-a: caf\xe9\r\nx-b: caf\xc3\xa9\r\nset-cookie: \xc3\xa9=1\r\nset-cookie: b=2\r\n__proto__: x\r\nconstructor: y\r\nContent-Length: 0\r\n\r\n",
      "latin1",
    );
    const { headers } = await send({ url: (await startRaw(raw)).url });
    expect(headers).toMatchObject({ "x-a": "café", "x-b": "café", "set-cookie": ["é=1", "b=2"] });
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
    expect(Object.entries(headers!)).toContainEqual(["constructor", "y"]);
  });
});

describe("a body", () => {
  test("of exactly 64 KiB is whole", async () => {
    target.answer((_, response) => void response.end("x".repeat(maxBody)));
    const answer = await send({ url: target.url });
    expect(answer).toMatchObject({ status: "succeeded", truncated: false });
    expect(answer.body).toHaveLength(maxBody);
  });

  test("of one byte more is cut", async () => {
    target.answer((_, response) => void response.end("x".repeat(maxBody) + "y"));
    const answer = await send({ url: target.url });
    expect(answer).toMatchObject({ status: "succeeded", truncated: true, errorCode: null });
    expect(answer.body).toBe("x".repeat(maxBody));
  });

  test("without an end is cut, counts, and its connection is closed", async () => {
    const peer = await startPeer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write("4000\r\n" + "z".repeat(0x4000) + "\r\n"));
        socket.once("drain", more);
      };
      more();
    });
    const answer = await send({ url: peer.url });
    expect(answer).toMatchObject({ status: "succeeded", statusCode: 200, truncated: true });
    expect(answer.body).toHaveLength(maxBody);
    await peer.abandoned();
  });

  test("cut within a character ends before it", async () => {
    target.answer((_, response) => void response.end("x".repeat(maxBody - 2) + "€".repeat(10)));
    expect((await send({ url: target.url })).body).toBe("x".repeat(maxBody - 2));
  });

  test("that ends within a character shows that it does", async () => {
    target.answer((_, response) => void response.end(Buffer.from([0x61, 0xe2, 0x82])));
    expect((await send({ url: target.url })).body).toBe("a�");
  });

  test("that is compressed is unpacked as far as it is kept: a bomb of 100 MB is 100 KB", async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 1 });
    target.answer((_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(bomb));
    const answer = await send({ url: target.url });
    expect(answer).toMatchObject({ status: "succeeded", truncated: true });
    expect(answer.body!.length).toBeLessThanOrEqual(maxBody);
    expect(answer.body).not.toContain("\0");
  });
});

describe("a target that never finishes", () => {
  test("its answer: cut off at the deadline", async () => {
    const peer = await startPeer(() => {});
    const answer = await send({ url: peer.url, timeoutMs: 100 });
    expect(answer).toEqual({
      status: "timeout",
      errorCode: "timeout",
      error: "No full answer within 100 ms.",
      statusCode: null,
      latencyMs: expect.any(Number) as number,
      headers: null,
      body: null,
      encoding: "text",
      truncated: false,
      redirectedTo: null,
      hidden: [],
    });
    await peer.abandoned();
  });

  test("its headers, a byte at a time: cut off at the deadline", async () => {
    const bytes = `HTTP/1.1 200 OK\r\nX-Slow: ${"s".repeat(1000)}\r\n\r\n`;
    const peer = await startPeer((socket) => {
      let sent = 0;
      const drip = setInterval(() => socket.write(bytes[sent++]!), 5);
      socket.on("close", () => clearInterval(drip));
    });
    expect(await send({ url: peer.url, timeoutMs: 100 })).toMatchObject({
      status: "timeout",
      statusCode: null,
    });
    await peer.abandoned();
  });

  test("its body: what came is kept", async () => {
    const peer = await startRaw(
      Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf \xe2\x82", "latin1"),
    );
    expect(await send({ url: peer.url, timeoutMs: 100 })).toMatchObject({
      status: "timeout",
      statusCode: 200,
      body: "half ",
    });
    await peer.abandoned();
  });

  test("an interim answer: that is none", async () => {
    const peer = await startRaw("HTTP/1.1 102 Processing\r\n\r\n");
    expect(await send({ url: peer.url, timeoutMs: 100 })).toMatchObject({
      status: "timeout",
      statusCode: null,
    });
  });
});

describe("a target that breaks off", () => {
  test("before an answer", async () => {
    const peer = await startPeer((socket) => socket.resetAndDestroy());
    expect(await send({ url: peer.url })).toMatchObject({
      status: "connection_error",
      errorCode: "reset",
      statusCode: null,
      body: null,
    });
  });

  test("by closing instead of answering", async () => {
    const peer = await startPeer((socket) => socket.end());
    expect(await send({ url: peer.url })).toMatchObject({ status: "connection_error", errorCode: "reset" });
  });

  test("in the middle of its headers", async () => {
    const peer = await startRaw("HTTP/1.1 200 OK\r\nX-Ha", { end: true });
    expect(await send({ url: peer.url })).toMatchObject({ status: "connection_error", errorCode: "reset" });
  });

  test("in the middle of its body, with a reset", async () => {
    const peer = await startPeer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", () =>
        setImmediate(() => socket.resetAndDestroy()),
      );
    });
    const answer = await send({ url: peer.url });
    expect(answer).toMatchObject({ status: "connection_error", errorCode: "reset" });
  });

  test.each([
    ["of a known length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"],
    [
      "of a known length on a connection of its own",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\nhalf",
    ],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
    [
      "in chunks on a connection of its own",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
  ])("in the middle of a body %s, in order", async (_, bytes) => {
    const peer = await startRaw(bytes, { end: true });
    expect(await send({ url: peer.url })).toMatchObject({
      status: "connection_error",
      errorCode: "reset",
      statusCode: 200,
      body: "half",
    });
  });
});

describe("a target that does not speak HTTP", () => {
  test.each([
    ["another protocol", "220 mail.example.com ESMTP\r\n"],
    ["a status that is none", "HTTP/1.1 0xC8 OK\r\n\r\n"],
    ["a status below all others", "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n"],
    ["a header with a NUL", "HTTP/1.1 200 OK\r\nx-a: b\0c\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
    [
      "a switch of protocols",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ["headers beyond measure", `HTTP/1.1 200 OK\r\nx-huge: ${"h".repeat(100_000)}\r\n\r\n`],
    ["headers without end", `HTTP/1.1 200 OK\r\n${"x-more: h\r\n".repeat(10_000)}`],
  ])("but %s fails with words, and is let go", async (_, bytes) => {
    const peer = await startRaw(bytes);
    const answer = await send({ url: peer.url, timeoutMs: 2000 });
    // undici tells a wrong length from a lost end in no case.
    const errorCode = bytes.includes("Content-Length: 1\r") ? "reset" : "connection";
    expect(answer).toMatchObject({ status: "connection_error", errorCode });
    expect(answer.error).toMatch(/\w/);
    await peer.abandoned();
  });

  test("behind its answer does not break the next attempt", async () => {
    const peer = await startPeer((socket, count) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${count}`);
      if (count === 1) socket.write("HTTP/1.1 666 Smuggled\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await send({ url: peer.url })).toMatchObject({ statusCode: 200, body: "1" });
    const next = await send({ url: peer.url });
    expect(next.statusCode === 200 || next.errorCode === "connection").toBe(true);
    expect(next.statusCode).not.toBe(666);
  });
});

describe("a target that is not there", () => {
  test("refuses", async () => {
    const { url } = await startPeer(() => {});
    for (const cleanup of cleanups.splice(0)) await cleanup();
    expect(await send({ url })).toMatchObject({
      status: "connection_error",
      errorCode: "refused",
      error: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  test("has no name", async () => {
    expect(await send({ url: "http://no-such-host.invalid/" })).toMatchObject({
      status: "connection_error",
      errorCode: "dns",
      error: expect.stringContaining("no-such-host.invalid") as string,
    });
  });

  test.each([
    "http://10.0.0.1/",
    "http://[::1]:1/",
    "http://169.254.169.254/",
    "https://0/",
    "http://2130706433.:1/",
  ])("or not allowed is blocked: %s", async (url) => {
    const closed = createSender([]);
    const sending = closed.send({ url, method: "GET", headers: {}, body: null, timeoutMs: 1000 });
    expect(await sending.answer).toMatchObject({
      status: "blocked",
      errorCode: "address_blocked",
      statusCode: null,
    });
    await closed.close();
  });

  test("or not allowed is blocked by its name too, and nobody connects", async () => {
    const peer = await startPeer(() => {});
    const closed = createSender([]);
    cleanups.push(() => closed.close());
    const url = peer.url.replace("127.0.0.1", "localhost");
    const answer = await closed.send({ url, method: "GET", headers: {}, body: null, timeoutMs: 1000 }).answer;
    expect(answer).toMatchObject({ status: "blocked", errorCode: "address_blocked" });
    expect(peer.sockets).toHaveLength(0);
  });

  test.each(["not a url", "http://", "http://exa mple/"])("or no url at all: %s", async (url) => {
    expect(await send({ url })).toMatchObject({ status: "connection_error", statusCode: null });
  });

  test.each([
    ["a method", { method: "GET\r\nX: y" }],
    ["a header", { headers: { "x-a": "b\r\nx-b: c" } }],
    ["a header's name", { headers: { "x a": "b" } }],
    ["a framing header", { headers: { "transfer-encoding": "chunked" } }],
  ])("for %s that HTTP forbids: nothing is sent", async (_, request) => {
    expect(await send({ url: target.url, ...request })).toMatchObject({
      status: "connection_error",
      errorCode: "invalid_request",
    });
    expect(target.arrivals).toHaveLength(0);
  });
});

describe("abort", () => {
  const canceled = { status: "canceled", errorCode: "canceled", error: "The execution was canceled." };

  test("before anything left: nothing arrives", async () => {
    const peer = await startPeer(() => {});
    const sending = start({ url: peer.url });
    sending.abort("canceled");
    expect(await sending.answer).toMatchObject({ ...canceled, statusCode: null, body: null });
    await send({ url: target.url });
    await peer.abandoned();
    expect(peer.received()).toBe("");
  });

  test("while the target thinks: its connection is closed", async () => {
    const peer = await startPeer(() => {});
    const sending = start({ url: peer.url });
    await peer.asked();
    sending.abort("interrupted");
    expect(await sending.answer).toMatchObject({
      status: "interrupted",
      errorCode: "worker_lost",
      statusCode: null,
    });
    await peer.abandoned();
  });

  test("in the middle of the body: what came is kept", async () => {
    const peer = await startRaw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf");
    const sending = start({ url: peer.url });
    await peer.asked();
    // A request through the same event loop comes back after what the peer wrote.
    await send({ url: target.url });
    sending.abort("canceled");
    expect(await sending.answer).toMatchObject({ ...canceled, statusCode: 200, body: "half" });
    await peer.abandoned();
  });

  test("after the end, or twice, changes nothing", async () => {
    const sending = start({ url: target.url });
    const answer = await sending.answer;
    sending.abort("canceled");
    sending.abort("interrupted");
    expect(await sending.answer).toBe(answer);
    expect(answer).toMatchObject({ status: "succeeded", statusCode: 200 });
    const twice = start({ url: target.url });
    twice.abort("interrupted");
    twice.abort("canceled");
    expect(await twice.answer).toMatchObject({ status: "interrupted" });
  });

  test("leaves others to the same host alone", async () => {
    target.answer((arrival, response) => {
      if (arrival.path === "/quick") response.end("done");
    });
    const hanging = Array.from({ length: 5 }, () => start({ url: `${target.url}/hangs` }));
    await target.arrived(5);
    const quick = send({ url: `${target.url}/quick` });
    for (const sending of hanging) sending.abort("canceled");
    expect(await quick).toMatchObject({ status: "succeeded", body: "done" });
    for (const sending of hanging) expect(await sending.answer).toMatchObject(canceled);
  });
});

describe("the deadline", () => {
  /** A sender whose names resolve when told, so that a connection can be under way for as long as a test wants. */
  async function holdLookups(): Promise<{ held: Sender; release: () => void }> {
    const names = await startNameServer();
    const { promise, resolve } = Promise.withResolvers<string[]>();
    names.say("slow-name.test", promise);
    const held = createSender([parseRange("127.0.0.0/8")], { servers: [names.address] });
    cleanups.push(() => held.close(), names.close);
    return { held, release: () => resolve(["127.0.0.1"]) };
  }

  test("that passes while connecting: nothing is sent afterwards", async () => {
    const peer = await startPeer(() => {});
    const { held, release } = await holdLookups();
    const url = peer.url.replace("127.0.0.1", "slow-name.test");
    expect(await send({ url, timeoutMs: 50 }, held)).toMatchObject({
      status: "connection_error",
      errorCode: "dns",
      error: "slow-name.test could not be resolved within 50 ms: its name servers do not answer.",
      statusCode: null,
    });
    release();
    // The next one goes out on a connection to the same name, made after the first was given up.
    const next = start({ url, timeoutMs: 1000 }, held);
    await peer.asked();
    next.abort("canceled");
    await peer.abandoned();
    expect(peer.received().match(/GET/g)).toHaveLength(1);
  });

  test("and an abort while connecting: nothing is sent afterwards", async () => {
    const peer = await startPeer(() => {});
    const { held, release } = await holdLookups();
    const sending = start({ url: peer.url.replace("127.0.0.1", "slow-name.test") }, held);
    sending.abort("canceled");
    expect(await sending.answer).toMatchObject({ status: "canceled" });
    release();
    await send({ url: target.url });
    await peer.abandoned();
    expect(peer.received()).toBe("");
  });
});

describe("connections", () => {
  test("are used again: two serve any number of requests, one after the other", async () => {
    const ports = new Set<number | undefined>();
    target.answer((_, response, request) => {
      ports.add(request.socket.remotePort);
      response.end("ok");
    });
    const own = createSender([parseRange("127.0.0.0/8")]);
    cleanups.push(() => own.close());
    for (let count = 0; count < 20; count++) {
      const request = { url: `${target.url}/${count}`, method: "GET", headers: {}, body: null };
      await own.send({ ...request, timeoutMs: 1000 }).answer;
    }
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  test("never carry two requests at once", async () => {
    const ports: (number | undefined)[] = [];
    target.answer((_, response, request) => {
      ports.push(request.socket.remotePort);
      if (ports.length === 20) setImmediate(() => target.answer(200));
      setTimeout(() => response.end("ok"), 20);
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => send({ url: target.url })));
    expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
    expect(new Set(ports).size).toBe(20);
  });

  test("closed by the target between two requests are noticed: the next gets a new one", async () => {
    const peer = await startPeer((socket, count) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${count}`);
      setImmediate(() => socket.end());
    });
    expect(await send({ url: peer.url })).toMatchObject({ body: "1" });
    await peer.abandoned();
    expect(await send({ url: peer.url })).toMatchObject({ status: "succeeded", body: "2" });
    expect(peer.sockets).toHaveLength(2);
  });

  test("that broke under one request do not break the next", async () => {
    const peer = await startPeer((socket, count) => {
      if (count % 2 === 1) socket.resetAndDestroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const statuses: string[] = [];
    for (let count = 0; count < 4; count++) statuses.push((await send({ url: peer.url })).status);
    expect(statuses).toEqual(["connection_error", "succeeded", "connection_error", "succeeded"]);
  });

  test("and timers are gone when the sender is closed, with requests under way cut off", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const own = createSender([parseRange("127.0.0.0/8")]);
    const peer = await startPeer(() => {});
    const request = { url: peer.url, method: "GET", headers: {}, body: null, timeoutMs: 60_000 };
    const sendings = Array.from({ length: 30 }, () => own.send(request));
    await peer.asked();
    await own.close();
    for (const { answer } of sendings) expect(await answer).toMatchObject({ status: "connection_error" });
    await peer.abandoned();
    expect(await own.send(request).answer).toMatchObject({ status: "connection_error" });
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test("of many attempts leave no listeners behind", async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on("warning", onWarning);
    for (let round = 0; round < 20; round++) {
      const hanging = Array.from({ length: 10 }, () =>
        start({ url: "http://127.0.0.1:1/", timeoutMs: 1000 }),
      );
      hanging[0]!.abort("canceled");
      await Promise.all([...hanging.map(({ answer }) => answer), send({ url: target.url })]);
    }
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});
