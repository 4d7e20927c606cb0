import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { validate } from "uuid";

/** Who a JWT was given to. */
export interface JwtSubject {
  userId: string;
  workspaceId: string;
}

/** Of which instant a JWT is: those of before a user's last log-out are refused. */
export interface IssuedJwt extends JwtSubject {
  issuedAt: Date;
  expiresAt: Date;
  expired: boolean;
}

const issuer = "scheduler";
const lifetimeSeconds = 7 * 24 * 60 * 60;

const isUuid = (claim: unknown): claim is string => typeof claim === "string" && validate(claim);

/** A JWT for seven days from `now`. */
export async function signJwt(
  secret: Uint8Array,
  { userId, workspaceId }: JwtSubject,
  now: Date,
): Promise<{ token: string; expiresAt: Date }> {
  const expiresAt = new Date(now.getTime() + lifetimeSeconds * 1000);
  // `iat` knows seconds alone, and whoever logs in again may do so within the second.
  const token = await new SignJWT({ ws: workspaceId, ms: now.getTime() })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(issuer)
    .setSubject(userId)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(secret);
  return { token, expiresAt };
}

/** Who a JWT was given to, or undefined where it is not ours. */
export async function verifyJwt(
  secret: Uint8Array,
  token: string,
  now: Date,
): Promise<IssuedJwt | undefined> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      issuer,
      algorithms: ["HS256"],
      requiredClaims: ["exp"],
      currentDate: now,
    });
    return toIssued(payload, false);
  } catch (error) {
    // The signature and the issuer are checked before the time is.
    return error instanceof errors.JWTExpired ? toIssued(error.payload, true) : undefined;
  }
}

function toIssued({ sub, ws, ms, iat = 0, exp = 0 }: JWTPayload, expired: boolean): IssuedJwt | undefined {
  if (!isUuid(sub) || !isUuid(ws)) return undefined;
  const issuedAt = new Date(typeof ms === "number" ? ms : iat * 1000);
  return { userId: sub, workspaceId: ws, issuedAt, expiresAt: new Date(exp * 1000), expired };
}
