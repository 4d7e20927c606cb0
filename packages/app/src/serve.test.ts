import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve, type Served } from "./serve.ts";

let served: Served;
let reached = 0;
beforeAll(async () => {
  const listener: Parameters<typeof serve>[0] = (request, response) => {
    reached++;
    request.resume().on("end", () => response.end("ok"));
  };
  served = await serve(listener, { host: "127.0.0.1", port: 0 });
});
afterAll(() => served.stop());

/** All that the server says to these bytes, until it closes. */
function say(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1", () => void socket.write(bytes));
    socket.setEncoding("utf8").on("data", (text: string) => (heard += text));
    socket.on("close", () => resolve(heard)).on("error", reject);
  });
}

const get = (...headers: string[]): string => ["GET /v1/jobs HTTP/1.1", ...headers, "", ""].join("\r\n");
const post = (headers: string[], body: string): string =>
  ["POST /v1/jobs HTTP/1.1", "Host: localhost", ...headers, "", body].join("\r\n");

test.each([
  ["nonsense", "NONSENSE\r\n\r\n", 400, "invalid_request"],
  ["no Host", get(), 400, "invalid_request"],
  ["two Hosts", get("Host: localhost", "Host: evil.example"), 400, "invalid_request"],
  ["two Hosts of the same name", get("Host: localhost", "host: localhost"), 400, "invalid_request"],
  [
    "two tokens",
    get("Host: localhost", "Authorization: Bearer a", "Authorization: Bearer b"),
    400,
    "invalid_request",
  ],
  [
    "two types",
    post(["Content-Type: a/b", "Content-Type: c/d", "Content-Length: 0"], ""),
    400,
    "invalid_request",
  ],
  ["two lengths", post(["Content-Length: 2", "Content-Length: 3"], "{}"), 400, "invalid_request"],
  [
    "a length and chunks",
    post(["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    400,
    "invalid_request",
  ],
  [
    "another server's address",
    "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    400,
    "invalid_request",
  ],
  ["headers of 20 KB", get("Host: localhost", `X-Long: ${"a".repeat(20_000)}`), 431, "headers_too_large"],
  [
    "extensions of 20 KB",
    post(["Transfer-Encoding: chunked"], `5;${"x".repeat(20_000)}`),
    413,
    "payload_too_large",
  ],
  ["an expectation", post(["Expect: the-unexpected", "Content-Length: 2"], "{}"), 417, "expectation_failed"],
])("%s is refused with a problem that says what to do", async (_, bytes, status, code) => {
  const before = reached;
  const [head = "", body = ""] = (await say(bytes)).split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toMatch(/^content-type: application\/problem\+json/im);
  expect(head).toMatch(/^connection: close/im);
  expect(JSON.parse(body)).toMatchObject({
    status,
    code,
    type: `urn:scheduler:error:${code}`,
    detail: expect.any(String) as string,
    hint: expect.stringMatching(/\w/) as string,
    request_id: /^x-request-id: (.*)$/im.exec(head)?.[1],
  });
  // What is wrong with a body is found while it is read.
  expect(reached - before).toBe(status === 413 ? 1 : 0);
});

test("a sound request goes through", async () => {
  expect(await say(get("Host: localhost", "Connection: close"))).toMatch(/^HTTP\/1.1 200 OK/);
});
