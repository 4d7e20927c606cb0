import { Agent } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Arrival, startTarget, type Target } from "../testing/index.ts";
import { startNameServer } from "../testing/name-server.ts";
import { parseRange } from "./address-guard.ts";
import type { Answer, OutgoingRequest, RawAnswer, Sending } from "./answer.ts";
import { attempt } from "./attempt.ts";
import { createSender, type Sender } from "./sender.ts";
import { follow } from "./redirects.ts";
import { createResolver } from "./resolver.ts";

let sender: Sender;
let target: Target;
/** Another origin. */
let stranger: Target;

beforeAll(async () => {
  sender = createSender([parseRange("127.0.0.1")]);
  target = await startTarget();
  stranger = await startTarget();
});
afterAll(async () => {
  await sender.close();
  await target.close();
  await stranger.close();
});
beforeEach(() => {
  for (const each of [target, stranger]) {
    each.arrivals.length = 0;
    each.answer(200);
  }
});

function toStart(request: Partial<OutgoingRequest> = {}): OutgoingRequest {
  const plain = { method: "GET", headers: {}, body: null, timeoutMs: 5000, followRedirects: true };
  return { url: `${target.url}/start`, ...plain, ...request };
}

const start = (request?: Partial<OutgoingRequest>, by = sender): Sending => by.send(toStart(request));
const send = (request?: Partial<OutgoingRequest>, by = sender): Promise<Answer> => start(request, by).answer;

/** Redirects what arrives at /start; the rest gets 200. */
function redirect(location: string, status = 302): void {
  target.answer(({ path }, response) => {
    if (path === "/start") response.writeHead(status, { Location: location }).end("over there");
    else response.end("here");
  });
}

const last = (of: Target): Arrival => of.arrivals.at(-1)!;

test("nobody goes where an answer leads unless the job says so", async () => {
  redirect("/next");
  expect(await send({ followRedirects: false })).toMatchObject({ status: "succeeded", statusCode: 302 });
  expect(target.arrivals).toHaveLength(1);
});

describe("following redirects", () => {
  test.each(["/next?a=1", "next?a=1", "?a=1", "//HOST/next?a=1"])(
    "%s: the last answer counts",
    async (to) => {
      const answerer = to.replace("HOST", new URL(target.url).host);
      target.answer(({ path }, response) => {
        if (path === "/start") response.writeHead(301, { Location: answerer }).end();
        else response.writeHead(203, { "x-last": "yes" }).end("here");
      });
      expect(await send()).toMatchObject({
        status: "succeeded",
        statusCode: 203,
        headers: { "x-last": "yes" },
        body: "here",
        errorCode: null,
        error: null,
      });
      expect(last(target).path).toMatch(/^\/(next|start)\?a=1$/);
    },
  );

  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [301, "PUT", "PUT"],
    [302, "DELETE", "DELETE"],
    [307, "POST", "POST"],
    [308, "PATCH", "PATCH"],
  ])("%i makes of %s a %s", async (status, method, then) => {
    redirect("/next", status);
    const body = method === "HEAD" ? null : "ping";
    await send({ method, body, headers: { "content-type": "text/plain", "x-own": "1" } });
    const kept = method === then && body !== null;
    expect(last(target)).toMatchObject({ method: then, path: "/next", body: kept ? "ping" : "" });
    expect(last(target).headers["x-own"]).toBe("1");
    if (then === "GET") expect(last(target).headers).not.toHaveProperty("content-type");
  });

  test.each([300, 304, 305])("%i leads nowhere", async (status) => {
    redirect("/next", status);
    expect(await send()).toMatchObject({ status: "succeeded", statusCode: status });
  });

  test("a redirect that does not say to where is an answer", async () => {
    target.answer(302);
    expect(await send()).toMatchObject({ status: "succeeded", statusCode: 302 });
  });

  test("an unending body of a redirect does not matter", async () => {
    redirect("/next");
    target.answer(({ path }, response) => {
      if (path === "/next") return void response.end("here");
      response.writeHead(302, { Location: "/next" }).write("x".repeat(100_000));
    });
    expect(await send()).toMatchObject({ statusCode: 200, body: "here", truncated: false });
  });
});

describe("another origin", () => {
  const headers = {
    authorization: "Bearer token",
    cookie: "a=b",
    "proxy-authorization": "Basic x",
    "x-api-key": "key",
    "sched-signature": "t=1,v1=00",
    "sched-delivery-id": "exec_1",
    "webhook-signature": "v1,00",
    accept: "text/plain",
    "idempotency-key": "exec_1",
    "user-agent": "scheduler",
    "x-cron-service-job-id": "job_1",
  };

  test("gets no credentials, and nothing that may be one", async () => {
    redirect(`${stranger.url}/next`, 307);
    expect(await send({ method: "POST", body: "ping", headers })).toMatchObject({ statusCode: 200 });
    expect(last(stranger)).toMatchObject({ method: "POST", body: "ping" });
    const known = Object.keys(last(stranger).headers).filter((name) => name in headers);
    expect(known.sort()).toEqual(["accept", "idempotency-key", "user-agent", "x-cron-service-job-id"]);
  });

  test("cannot get them by leading back", async () => {
    redirect(`${stranger.url}/next`);
    stranger.answer((_, response) => void response.writeHead(302, { Location: `${target.url}/back` }).end());
    expect(await send({ headers })).toMatchObject({ statusCode: 200 });
    expect(last(target)).toMatchObject({ path: "/back" });
    expect(last(target).headers).not.toHaveProperty("authorization");
  });

  test("the same one gets all that the first request had", async () => {
    redirect("/next");
    await send({ headers });
    expect(last(target).headers).toMatchObject(headers);
  });
});

describe("a redirect that cannot be followed", () => {
  const failed = { status: "connection_error", errorCode: "redirect", statusCode: 302, body: "over there" };

  test.each([
    "http://",
    "http://a b/",
    "https://exa%mple/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "javascript:1",
  ])("because %s is nowhere to go, says so", async (location) => {
    redirect(location);
    const answer = await send();
    expect(answer).toMatchObject({ ...failed, headers: { location } });
    expect(answer.error).toContain(location);
  });

  test("says so shortly", async () => {
    redirect(`ftp://${"a".repeat(10_000)}/`);
    expect((await send()).error!.length).toBeLessThanOrEqual(500);
  });

  test("because there are too many: five are followed, a sixth is not", async () => {
    target.answer(({ path }, response) => {
      const left = Number(path.slice(1));
      if (left === 0) response.end("here");
      else response.writeHead(302, { Location: `/${left - 1}` }).end();
    });
    expect(await send({ url: `${target.url}/5` })).toMatchObject({ status: "succeeded", body: "here" });
    target.arrivals.length = 0;
    expect(await send({ url: `${target.url}/6` })).toMatchObject({
      status: "connection_error",
      errorCode: "redirect",
      error: "More than 5 redirects.",
      statusCode: 302,
    });
    expect(target.arrivals).toHaveLength(6);
  });

  test.each([
    "http://10.0.0.1/",
    "http://127.0.0.2:1/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:169.254.169.254]/",
    "http://2130706434/",
    "http://[::1]/",
  ])("because it leads to a forbidden address is blocked: %s", async (location) => {
    redirect(location);
    const answer = await send();
    expect(answer).toMatchObject({ status: "blocked", errorCode: "address_blocked", statusCode: 302 });
    expect(answer.error).toMatch(/^Redirected to http:/);
  });

  test("because a name leads to a forbidden address is blocked", async () => {
    const names = await startNameServer();
    names.say("inside.example.com", ["10.0.0.1"]);
    const asking = createSender([parseRange("127.0.0.0/8")], { servers: [names.address] });
    redirect("http://inside.example.com/");
    expect(await send({}, asking)).toMatchObject({ status: "blocked", errorCode: "address_blocked" });
    await asking.close();
    await names.close();
  });

  test("because nobody is there keeps the redirect, and says where it led", async () => {
    redirect("http://127.0.0.1:1/");
    const answer = await send();
    expect(answer).toMatchObject({ ...failed, errorCode: "refused" });
    expect(answer.error).toMatch(/^Redirected to http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/);
  });
});

describe("all requests of one attempt", () => {
  test("share one timeout", async () => {
    target.answer(({ path }, response) => {
      if (path === "/start") setTimeout(() => response.writeHead(302, { Location: "/hangs" }).end(), 60);
    });
    const answer = await send({ timeoutMs: 150 });
    expect(answer).toMatchObject({ status: "timeout", errorCode: "timeout", statusCode: 302 });
    expect(answer.latencyMs).toBeGreaterThan(140);
    expect(answer.latencyMs).toBeLessThan(1000);
  });

  test("end with an abort, whichever is under way", async () => {
    redirect(`${stranger.url}/hangs`);
    stranger.answer(() => {});
    const sending = start();
    await stranger.arrived(1);
    sending.abort("canceled");
    expect(await sending.answer).toMatchObject({ status: "canceled", errorCode: "canceled" });
  });

  test("end with an abort between two of them, and the second is not sent", async () => {
    redirect(`${stranger.url}/next`);
    const by = { agent: new Agent(), resolver: createResolver() };
    const following: Sending<RawAnswer> = follow((request) => {
      const sending = attempt(by, request);
      void sending.answer.then(() => following.abort("interrupted"));
      return sending;
    }, toStart());
    expect(await following.answer).toMatchObject({ status: "interrupted" });
    by.resolver.close();
    await by.agent.close();
    await send({ url: stranger.url });
    expect(stranger.arrivals).toMatchObject([{ path: "/" }]);
  });
});

test("a signature goes along within its origin alone, also where that is left and entered further on", async () => {
  const sign = ({ url }: Pick<OutgoingRequest, "url">) => ({ "webhook-signature": new URL(url).pathname });
  target.answer(({ path }, response) => {
    const location = path === "/start" ? "/next" : `${stranger.url}/one`;
    response.writeHead(307, { Location: location }).end();
  });
  stranger.answer(({ path }, response) => {
    if (path === "/one") response.writeHead(307, { Location: "/two" }).end();
    else response.end();
  });
  await send({ method: "POST", body: "b", headers: { "webhook-signature": "/start" }, sign });
  const signatures = (of: Target) => of.arrivals.map(({ headers }) => headers["webhook-signature"]);
  expect(signatures(target)).toEqual(["/start", "/next"]);
  expect(signatures(stranger)).toEqual([undefined, undefined]);
});
