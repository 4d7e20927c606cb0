import { SignJWT, UnsecuredJWT } from "jose";
import { expect, test } from "vitest";
import { signJwt, verifyJwt } from "./jwt.ts";

const secret = new Uint8Array(32).fill(1);
const other = new Uint8Array(32).fill(2);
const subject = {
  userId: "01900000-0000-7000-8000-000000000001",
  workspaceId: "01900000-0000-7000-8000-000000000002",
};
const now = new Date("2026-03-01T12:00:00Z");
const day = 86_400_000;
const inDays = (days: number) => new Date(now.getTime() + days * day);

/** A token as ours are, but for what is given. */
function forge(
  claims: { iss?: string; sub?: string | undefined; exp?: number | undefined; ws?: string | undefined },
  alg = "HS256",
) {
  const exp = inDays(7).getTime() / 1000;
  return new SignJWT({
    iss: "scheduler",
    sub: subject.userId,
    ws: subject.workspaceId,
    exp,
    ...claims,
  }).setProtectedHeader({ alg });
}

test("names who it was given to, for seven days", async () => {
  const { token, expiresAt } = await signJwt(secret, subject, now);
  expect(expiresAt).toEqual(inDays(7));
  const issued = { ...subject, issuedAt: now, expiresAt };
  expect(await verifyJwt(secret, token, inDays(6.99))).toEqual({ ...issued, expired: false });
  for (const days of [7, 7.01])
    expect(await verifyJwt(secret, token, inDays(days))).toEqual({ ...issued, expired: true });
  expect(await verifyJwt(secret, await forge({}).sign(secret), now)).toMatchObject(subject);
});

test("counts for nothing once it was tampered with", async () => {
  const { token } = await signJwt(secret, subject, now);
  const [header, payload, signature] = token.split(".");
  const changed = Buffer.from(JSON.stringify({ ...JSON.parse(atob(payload!)), ws: subject.userId })).toString(
    "base64url",
  );
  for (const forged of [
    `${header}.${changed}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    "a.b.c",
    "..",
  ])
    expect(await verifyJwt(secret, forged, now)).toBeUndefined();
});

test.each(["admin", "", "1; drop table users", "\0", "é".repeat(1000), `${subject.userId}x`])(
  "whose subject or workspace is no id counts for nothing, well signed as it is: %j",
  async (id) => {
    expect(await verifyJwt(secret, await forge({ sub: id }).sign(secret), now)).toBeUndefined();
    expect(await verifyJwt(secret, await forge({ ws: id }).sign(secret), now)).toBeUndefined();
  },
);

test("needs our signature, algorithm, issuer and every claim", async () => {
  const exp = inDays(7).getTime() / 1000;
  const none = new UnsecuredJWT({ ws: subject.workspaceId, exp })
    .setIssuer("scheduler")
    .setSubject(subject.userId)
    .encode();
  const strong = await forge({}, "HS512").sign(new Uint8Array(64).fill(1));
  const forged = [
    none,
    strong,
    await forge({}).sign(other),
    await forge({ iss: "elsewhere" }).sign(secret),
    await forge({ exp: undefined }).sign(secret),
    await forge({ ws: undefined }).sign(secret),
    await forge({ sub: undefined }).sign(secret),
  ];
  for (const token of forged)
    // Nor does one that is not ours become one that has expired.
    for (const at of [now, inDays(8)]) expect(await verifyJwt(secret, token, at)).toBeUndefined();
});
