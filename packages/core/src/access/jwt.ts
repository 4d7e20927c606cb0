import { jwtVerify, SignJWT } from "jose";

/** Who a JWT was given to. */
export interface JwtSubject {
  userId: string;
  workspaceId: string;
}

const issuer = "scheduler";
const lifetimeSeconds = 7 * 24 * 60 * 60;

/** A JWT for seven days from `now`. */
export async function signJwt(
  secret: Uint8Array,
  { userId, workspaceId }: JwtSubject,
  now: Date,
): Promise<{ token: string; expiresAt: Date }> {
  const expiresAt = new Date(now.getTime() + lifetimeSeconds * 1000);
  const token = await new SignJWT({ ws: workspaceId })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(issuer)
    .setSubject(userId)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(secret);
  return { token, expiresAt };
}

/** Who a JWT was given to, or undefined where it is not ours or no longer valid. */
export async function verifyJwt(
  secret: Uint8Array,
  token: string,
  now: Date,
): Promise<JwtSubject | undefined> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      issuer,
      algorithms: ["HS256"],
      requiredClaims: ["exp"],
      currentDate: now,
    });
    if (typeof payload.sub !== "string" || typeof payload.ws !== "string") return undefined;
    return { userId: payload.sub, workspaceId: payload.ws };
  } catch {
    return undefined;
  }
}
