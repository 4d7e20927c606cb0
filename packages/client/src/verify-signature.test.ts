import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { SignatureError, verifySignature, type ReceivedRequest } from "./verify-signature.ts";

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
const at = 1772366400;
const now = new Date(at * 1000);
const body = '{"name":"é"}';
const deliveryId = "exec_01kg000000e008000000000001";

/** A request as it would arrive, computed here from what the documentation says. */
function signed(
  bytes: number[],
  path = "/a?b=%20c",
): Omit<ReceivedRequest, "headers"> & { headers: Record<string, string> } {
  const text = `${at}.${deliveryId}.2.POST.${path}.${body}`;
  const signatures = bytes.map(
    (byte) => `v1=${createHmac("sha256", Buffer.alloc(32, byte)).update(text).digest("hex")}`,
  );
  const headers = {
    "sched-delivery-id": deliveryId,
    "sched-attempt": "2",
    "sched-timestamp": String(at),
    "sched-signature": [`t=${at}`, ...signatures].join(","),
  };
  return { headers, method: "POST", path, body };
}

function problemOf(request: ReceivedRequest, options: object = { now }): string {
  try {
    verifySignature(request, secretOf(1), options);
  } catch (error) {
    expect(error).toBeInstanceOf(SignatureError);
    return (error as SignatureError).problem;
  }
  return "none";
}

test("a request that fits is told by its delivery, whatever holds its headers and its body", () => {
  const request = signed([1]);
  const verified = { deliveryId, attempt: 2, timestamp: now };
  expect(verifySignature(request, secretOf(1), { now })).toEqual(verified);
  const headers = new Headers(request.headers);
  const bytes = new TextEncoder().encode(body);
  expect(verifySignature({ ...request, headers, body: bytes }, secretOf(1), { now })).toEqual(verified);
});

test("it agrees with what openssl computed, also without a body", () => {
  const secret = `whsec_${Buffer.from("00112233445566778899aabbccddeeff".repeat(2), "hex").toString("base64")}`;
  const signature = "c90df86a61cd7c8b81e8b5d9dfc2877b818014224aaea7ef082e6fc958bd84be";
  const headers = {
    ...signed([]).headers,
    "sched-attempt": "1",
    "sched-signature": `t=${at},v1=${signature}`,
  };
  expect(verifySignature({ headers, method: "GET", path: "/" }, secret, { now })).toMatchObject({
    attempt: 1,
  });
});

test("while a secret is changed, either side may know one or both", () => {
  const both = [secretOf(1), secretOf(2)];
  for (const [signers, secrets] of [
    [[1, 2], [secretOf(1)]],
    [[1, 2], [secretOf(2)]],
    [[1], both],
    [[2], both],
    [[2, 3], both],
  ] as const)
    expect(verifySignature(signed([...signers]), secrets, { now })).toMatchObject({ deliveryId });
  expect(() => verifySignature(signed([3]), both, { now })).toThrow(SignatureError);
});

test("a request that is changed anywhere fits no more", () => {
  const request = signed([1]);
  const { headers } = request;
  for (const changed of [
    { ...request, body: `${body} ` },
    { ...request, body: "" },
    { ...request, method: "PUT" },
    { ...request, path: "/a?b=%20d" },
    { ...request, path: "/a" },
    { ...request, headers: { ...headers, "sched-attempt": "3" } },
    { ...request, headers: { ...headers, "sched-delivery-id": "exec_other" } },
    { ...request, headers: { ...headers, "sched-signature": `t=${at},v1=${"0".repeat(64)}` } },
  ])
    expect(problemOf(changed)).toBe("no_match");
  const later = String(at + 1);
  const moved = {
    "sched-timestamp": later,
    "sched-signature": headers["sched-signature"]!.replace(`${at}`, later),
  };
  expect(problemOf({ ...request, headers: { ...headers, ...moved } })).toBe("no_match");
});

test("a request is taken within five minutes, or what is asked for", () => {
  const late = (seconds: number) => ({ now: new Date((at + seconds) * 1000) });
  expect(problemOf(signed([1]), late(300))).toBe("none");
  expect(problemOf(signed([1]), late(301))).toBe("too_old");
  expect(problemOf(signed([1]), late(-300))).toBe("none");
  expect(problemOf(signed([1]), late(-301))).toBe("too_new");
  expect(problemOf(signed([1]), { ...late(11), toleranceSeconds: 10 })).toBe("too_old");
  expect(problemOf(signed([1]), {})).toMatch(/^too_/);
});

test.each(["sched-delivery-id", "sched-attempt", "sched-timestamp", "sched-signature"])(
  "without %s it is incomplete",
  (name) => {
    const request = signed([1]);
    delete request.headers[name];
    expect(problemOf(request)).toBe("missing");
    expect(problemOf({ ...request, headers: new Headers(request.headers) })).toBe("missing");
  },
);

test.each(["", "t=1772366400", "v1=abc", `t=${at},v1=abc`, `t=-1,v1=${"0".repeat(64)}`, "nonsense"])(
  "the signature %j cannot be read",
  (signature) => {
    const request = signed([1]);
    const headers = { ...request.headers, "sched-signature": signature };
    expect(problemOf({ ...request, headers })).toMatch(/malformed|missing/);
  },
);

test("a time of its own beside the signed one is no use", () => {
  const request = signed([1]);
  const headers = { ...request.headers, "sched-timestamp": String(at + 1) };
  expect(problemOf({ ...request, headers })).toBe("malformed");
});

test.each(["", "whsec_", "hunter2", "whsec_not base64", []])(
  "%j is no secret, and not repeated",
  (secret) => {
    const verify = () => verifySignature(signed([1]), secret, { now });
    expect(verify).toThrow(TypeError);
    expect(verify).not.toThrow(/hunter2/);
  },
);
