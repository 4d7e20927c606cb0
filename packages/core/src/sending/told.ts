import { reveals, scrub } from "../secrets/scrub.ts";
import type { Answer, AnswerHeaders } from "./answer.ts";
import { asBytes, cutText } from "./decode.ts";

/** An answer that was judged, as it may be stored and shown: without the values that its request brought along. */
export function toldOf(answer: Answer): Answer {
  const { hidden, headers, body, truncated, status, encoding } = answer;
  if (hidden.length === 0) return answer;
  const isCut = truncated || status !== "succeeded";
  const told = { ...answer, headers: headers && headersOf(headers, hidden) };
  if (body === null) return told;
  if (encoding === "base64") {
    const binary = Buffer.from(body, "base64").toString("latin1");
    const bytes = Buffer.from(scrub(binary, hidden, { isCut, isBinary: true }), "latin1");
    return { ...told, ...asBytes(bytes, truncated) };
  }
  return { ...told, ...cutText(scrub(body, hidden, { isCut }), truncated) };
}

function headersOf(headers: AnswerHeaders, hidden: Answer["hidden"]): AnswerHeaders {
  const told: AnswerHeaders = {};
  // One look at all of them: nearly always, none has anything to hide.
  const all = Object.entries(headers).flat(2).join("\n");
  if (!reveals(all, hidden, { anyCase: true })) return headers;
  for (const [name, value] of Object.entries(headers)) {
    const shown = scrub(name, hidden, { anyCase: true });
    told[shown] = Array.isArray(value) ? value.map((one) => scrub(one, hidden)) : scrub(value, hidden);
  }
  return told;
}
