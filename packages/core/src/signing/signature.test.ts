import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { signatureHeaders } from "./signature.ts";

const request = {
  deliveryId: "exec_01kg000000e008000000000001",
  attempt: 2,
  timestamp: 1772366400,
  method: "POST",
  path: "/a?b=%20c",
  body: '{"name":"é"}',
};

test("is what anybody computes from the documented text", () => {
  const [one, two] = [Buffer.from("one"), Buffer.from("two")];
  const text = '1772366400.exec_01kg000000e008000000000001.2.POST./a?b=%20c.{"name":"é"}';
  const hex = (key: Buffer) => createHmac("sha256", key).update(Buffer.from(text)).digest("hex");
  expect(signatureHeaders([one, two], request)).toMatchObject({
    "sched-signature": `t=1772366400,v1=${hex(one)},v1=${hex(two)}`,
    "webhook-id": request.deliveryId,
    "webhook-timestamp": "1772366400",
    "webhook-signature": expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/),
  });
});

test("stays what openssl computed once, also without a body", () => {
  const key = Buffer.from("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "hex");
  const bare = { ...request, attempt: 1, method: "GET", path: "/", body: null };
  expect(signatureHeaders([key], bare)["sched-signature"]).toBe(
    "t=1772366400,v1=c90df86a61cd7c8b81e8b5d9dfc2877b818014224aaea7ef082e6fc958bd84be",
  );
});

test("is the one that Standard Webhooks shows as its example", () => {
  const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const example = {
    ...request,
    deliveryId: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
  };
  expect(signatureHeaders([key], example)["webhook-signature"]).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

test("is none without a key", () => {
  expect(signatureHeaders([], request)).toEqual({});
});
