import { once } from "node:events";
import {
  type AddressInfo,
  createServer as createTcpServer,
  connect,
  type Server,
  type Socket,
} from "node:net";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parseRange } from "./address-guard.ts";
import type { Answer } from "./answer.ts";
import { createSender, type Sender } from "./sender.ts";

// Of no worth to anybody: made for these tests with `openssl ca`, good from 2020 to 2120 but for the expired one.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJp9eoSSbAZDQGYEH
Gi/yS0OGowImo87wi5ZAI1CYWLehRANCAAS2x5DOxcrcENkUVYGgoVDmqtPzOHzA
0yfL5a6mHbnypdOyppXEX4i2kU3+t4qB44QnHS48BmZDfo33fGlZbgxJ
-----END PRIVATE KEY-----`;
const authority = `-----BEGIN CERTIFICATE-----
MIIBRjCB7aADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB1Rlc3QgQ0Ew
IBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBIxEDAOBgNVBAMMB1Rl
c3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2x5DOxcrcENkUVYGgoVDm
qtPzOHzA0yfL5a6mHbnypdOyppXEX4i2kU3+t4qB44QnHS48BmZDfo33fGlZbgxJ
ozIwMDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBT52lr0otmhFOgc6k9oHOOY
O3vB+TAKBggqhkjOPQQDAgNIADBFAiAGqJzOO1Sl0pHiWIFrTIRfMCJtbqIT2Xk+
qEVL5qZc9AIhAKeiBhY0JPUvpRCK40iv9o46lgJmWReewzTOSYEBrcZj
-----END CERTIFICATE-----`;
const forLocalhost = `-----BEGIN CERTIFICATE-----
MIIBTTCB9KADAgECAgECMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB1Rlc3QgQ0Ew
IBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxv
Y2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLbHkM7FytwQ2RRVgaCh
UOaq0/M4fMDTJ8vlrqYdufKl07KmlcRfiLaRTf63ioHjhCcdLjwGZkN+jfd8aVlu
DEmjNzA1MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAdBgNVHQ4EFgQU+dpa9KLZoRTo
HOpPaBzjmDt7wfkwCgYIKoZIzj0EAwIDSAAwRQIgeGXdPPLMbGwWhvyb5f//j2do
/Ke6QP02NKq8T3vbe1ICIQCaALxsDzwhLTNgO2VdGNeAB2O7ZN/KviQarnO4XTLC
6w==
-----END CERTIFICATE-----`;
const expired = `-----BEGIN CERTIFICATE-----
MIIBSjCB8qADAgECAgEDMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB1Rlc3QgQ0Ew
HhcNMjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2Nh
bGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2x5DOxcrcENkUVYGgoVDm
qtPzOHzA0yfL5a6mHbnypdOyppXEX4i2kU3+t4qB44QnHS48BmZDfo33fGlZbgxJ
ozcwNTAUBgNVHREEDTALgglsb2NhbGhvc3QwHQYDVR0OBBYEFPnaWvSi2aEU6Bzq
T2gc45g7e8H5MAoGCCqGSM49BAMCA0cAMEQCIF/9zLQhScy+DnKcr+aQgs5mzLP/
IoQNZzOiYoMTOyHbAiBSh4+o2vq8ygaZW38QSBeQoWHD13tuBTi6Z881llop0g==
-----END CERTIFICATE-----`;
const forAnotherHost = `-----BEGIN CERTIFICATE-----
MIIBTjCB9qADAgECAgEEMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB1Rlc3QgQ0Ew
IBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBUxEzARBgNVBAMMCm90
aGVyLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2x5DOxcrcENkUVYGg
oVDmqtPzOHzA0yfL5a6mHbnypdOyppXEX4i2kU3+t4qB44QnHS48BmZDfo33fGlZ
bgxJozgwNjAVBgNVHREEDjAMggpvdGhlci50ZXN0MB0GA1UdDgQWBBT52lr0otmh
FOgc6k9oHOOYO3vB+TAKBggqhkjOPQQDAgNHADBEAiBXm01mFQJNmVugX6SqTkLR
3AXxrWYxn53tPNUc+1LzNwIgPtAwiaa8O5aCneRyvAUC8ZA+YrBx5pYnhDQrL2yi
UnQ=
-----END CERTIFICATE-----`;

let sender: Sender;
const systemAuthorities = getCACertificates();
beforeAll(() => {
  setDefaultCACertificates([...systemAuthorities, authority]);
  sender = createSender(["127.0.0.0/8", "::1"].map(parseRange));
});
afterAll(async () => {
  await sender.close();
  setDefaultCACertificates(systemAuthorities);
});

const servers: (Server & { closeAllConnections?(): void })[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections?.();
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "localhost");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const ok: RequestListener = (_, response) => void response.end("ok");

function startTls(cert: string, answer = ok): Promise<number> {
  return listen(createServer({ key, cert }, answer));
}

function send(url: string, timeoutMs = 5000): Promise<Answer> {
  return sender.send({ url, method: "GET", headers: {}, body: null, timeoutMs }).answer;
}

test("a certificate of a known authority is trusted", async () => {
  const port = await startTls(forLocalhost);
  expect(await send(`https://localhost:${port}/`)).toMatchObject({ status: "succeeded", body: "ok" });
});

test.each([
  ["made out by nobody we know", authority, "127.0.0.1"],
  ["expired", expired, "localhost"],
  ["of another host", forAnotherHost, "localhost"],
  ["of a name, reached by its address", forLocalhost, "127.0.0.1"],
])("a certificate %s is not", async (_, cert, host) => {
  let requests = 0;
  const port = await startTls(cert, () => requests++);
  if (cert === authority) setDefaultCACertificates(systemAuthorities);
  const answer = await send(`https://${host}:${port}/`);
  setDefaultCACertificates([...systemAuthorities, authority]);
  expect(answer).toMatchObject({
    status: "connection_error",
    errorCode: "tls",
    statusCode: null,
    body: null,
  });
  expect(answer.error).toMatch(/certificate/i);
  expect(requests).toBe(0);
});

test("a server without TLS fails as such", async () => {
  const port = await listen(createTcpServer((socket) => socket.on("error", () => {}).end("220 hello\r\n")));
  expect(await send(`https://localhost:${port}/`)).toMatchObject({
    status: "connection_error",
    errorCode: "tls",
  });
});

test("a server that breaks off the handshake is a reset", async () => {
  const port = await listen(createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy())));
  expect(await send(`https://localhost:${port}/`)).toMatchObject({
    status: "connection_error",
    errorCode: "reset",
  });
});

test("a server without a certificate to offer fails as such", async () => {
  const port = await listen(createServer({}, ok));
  expect(await send(`https://localhost:${port}/`)).toMatchObject({
    status: "connection_error",
    errorCode: "tls",
  });
});

/** A way to a TLS server that stands still until it is told to go on. */
async function startSlowWay(to: number): Promise<{ port: number; open(): void; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const held: (() => void)[] = [];
  let isOpen = false;
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const go = (): void => {
      const onward = connect(to, "localhost").on("error", () => {});
      socket.pipe(onward).pipe(socket);
    };
    if (isOpen) go();
    else held.push(go);
  });
  const port = await listen(server);
  return {
    port,
    sockets,
    open() {
      isOpen = true;
      for (const go of held.splice(0)) go();
    },
  };
}

test("a deadline that passes during the handshake lets nothing be sent afterwards", async () => {
  const paths: (string | undefined)[] = [];
  const to = await startTls(forLocalhost, (request, response) => {
    paths.push(request.url);
    response.end("ok");
  });
  const way = await startSlowWay(to);
  expect(await send(`https://localhost:${way.port}/late`, 50)).toMatchObject({
    status: "timeout",
    statusCode: null,
  });
  const closed = once(way.sockets[0]!, "close");
  way.open();
  await closed;
  expect(await send(`https://localhost:${way.port}/next`)).toMatchObject({ status: "succeeded" });
  expect(paths).toEqual(["/next"]);
});

test("a handshake that hangs does not hold back others to the same host", async () => {
  const to = await startTls(forLocalhost);
  const way = await startSlowWay(to);
  const first = send(`https://localhost:${way.port}/`, 60_000);
  await once(servers.at(-1)!, "connection");
  const second = send(`https://localhost:${way.port}/`, 60_000);
  await once(servers.at(-1)!, "connection");
  way.open();
  expect(await Promise.all([first, second])).toMatchObject([
    { status: "succeeded" },
    { status: "succeeded" },
  ]);
});

test("a sender that closes takes its unfinished handshakes along", async () => {
  const own = createSender([parseRange("127.0.0.0/8")]);
  const way = await startSlowWay(0);
  const request = { url: `https://localhost:${way.port}/`, method: "GET", headers: {}, body: null };
  const { answer } = own.send({ ...request, timeoutMs: 60_000 });
  await once(servers.at(-1)!, "connection");
  const closed = once(way.sockets[0]!, "close");
  await own.close();
  expect(await answer).toMatchObject({ status: "connection_error" });
  way.sockets[0]!.resume();
  await closed;
});
