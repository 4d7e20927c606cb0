import type { Hidden } from "../secrets/hidden.ts";
import { scrub } from "../secrets/scrub.ts";
import type { Answer, AnswerHeaders, RawAnswer } from "./answer.ts";
import { asBytes, codingsOf, type Decoded, readText, storable, unpack } from "./decode.ts";
import { headerOf } from "./header.ts";

/** Texts of the other side can be in an error (the names in a certificate), and those can be long. */
const maxErrorLength = 500;
/** As long as the URL of a job may be. */
const maxUrlLength = 2048;

/**
 * Makes an answer what is kept of it: the only place where what a target says becomes a record. What is only told of it is
 * rid of what is hidden; headers and body have to be judged first.
 */
export function toRecord(answer: RawAnswer, hidden: readonly Hidden[] = []): Answer | Promise<Answer> {
  const raw = { ...answer, hidden };
  const { status, headers, chunks, truncated } = raw;
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const isCut = truncated || status !== "succeeded";
  const contentType = headers?.["content-type"]?.toString();
  const codings = bytes.length === 0 ? [] : codingsOf(headerOf(headers, "content-encoding"));
  if (codings.length === 0) return withBody(raw, readText({ bytes, truncated: isCut, contentType }));
  return unpack({ bytes, truncated: isCut }, codings).then((unpacked) => {
    if (unpacked) return withBody(raw, readText({ ...unpacked, contentType }));
    // Who says that text is packed when it is not means the text.
    const plain = readText({ bytes, truncated: isCut, contentType: undefined });
    return withBody(raw, plain.body.includes("\uFFFD") ? asBytes(bytes, isCut) : plain);
  });
}

type Received = RawAnswer & Pick<Answer, "hidden">;

function withBody(raw: Received, { body, encoding, truncated }: Decoded): Answer {
  const { status, errorCode, error, statusCode, latencyMs, headers, redirectedTo, hidden } = raw;
  // Before they are cut: half of a value is not found any more.
  const plain = (text: string): string => scrub(text, hidden, { anyCase: true });
  return {
    status,
    errorCode,
    error: error === null ? null : storable(plain(error).slice(0, maxErrorLength)),
    statusCode,
    latencyMs,
    headers: headers && plainHeaders(headers),
    body: headers && body,
    encoding,
    // What broke off is no answer, and its status says so.
    truncated: raw.truncated || (truncated && status === "succeeded"),
    redirectedTo: redirectedTo && {
      ...redirectedTo,
      url: storable(plain(redirectedTo.url).slice(0, maxUrlLength)),
    },
    hidden,
  };
}

/** Cookies stay apart: their values may have commas (RFC 6265 §3). */
function plainHeaders(fields: NonNullable<RawAnswer["headers"]>): AnswerHeaders {
  const plain: AnswerHeaders = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!Array.isArray(value)) plain[name] = storable(value);
    else plain[name] = name === "set-cookie" ? value.map(storable) : storable(value.join(", "));
  }
  return plain;
}
