import type { AttemptErrorCode } from "@org/scheduler-contract";
import { BlockedAddressError } from "./address-guard.ts";
import type { Verdict } from "./answer.ts";
import { LookupError } from "./resolver.ts";

const codes: Record<string, AttemptErrorCode> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  // The connection was closed in order, but in the middle of an answer.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_INVALID_ARG: "invalid_request",
};
const tlsCode =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERROR_IN_C|PATH_LENGTH|INVALID_(CA|PURPOSE)|EPROTO|HOSTNAME_MISMATCH)/;

/** What an error of the connection means for the attempt. */
export function classify(error: Error): Verdict {
  if (error instanceof BlockedAddressError) {
    return { status: "blocked", errorCode: "address_blocked", error: error.message };
  }
  const cause = telling(error);
  const errorCode = codeOf(cause);
  const status = errorCode === "timeout" ? "timeout" : "connection_error";
  return { status, errorCode, error: cause.message || cause.code || "The connection failed." };
}

/** With several addresses tried, the error of each is inside and the outer one says nothing. */
function telling(error: Error): NodeJS.ErrnoException {
  if (!(error instanceof AggregateError)) return error;
  const errors = error.errors as Error[];
  return errors.find((inner) => codeOf(inner) !== "connection") ?? errors[0] ?? error;
}

function codeOf(error: NodeJS.ErrnoException): AttemptErrorCode {
  const code = error.code ?? "";
  if (error instanceof LookupError) return "dns";
  if (error.message.includes("Invalid EOF state")) return "reset";
  // undici closed the connection itself, over an answer that HTTP does not know at that point.
  if (code === "UND_ERR_SOCKET" && error.message.startsWith("bad ")) return "connection";
  return tlsCode.test(code) ? "tls" : (codes[code] ?? "connection");
}
