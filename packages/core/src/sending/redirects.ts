import { reveals } from "../secrets/scrub.ts";
import type { OutgoingRequest, RawAnswer, Sending } from "./answer.ts";

const maxRedirects = 5;
const redirects = [301, 302, 303, 307, 308];

/** What may go along to another origin. Of all other headers nobody knows which are credentials: API keys have any name. */
const harmless =
  /^(accept|accept-.*|cache-control|content-.*|idempotency-key|prefer|traceparent|user-agent|x-cron-service-.*)$/;

/**
 * Sends a request and goes where its answers lead, all of it within the request's timeout. The answer is the last one;
 * where that could not be got, it is the redirect before it, with what went wrong then.
 */
export function follow(
  send: (request: OutgoingRequest) => Sending<RawAnswer>,
  first: OutgoingRequest,
): Sending<RawAnswer> {
  const begun = performance.now();
  let sending = send(first);
  let aborted: "canceled" | "interrupted" | undefined;

  async function toTheEnd(): Promise<RawAnswer> {
    let request = first;
    let answer = await sending.answer;
    for (let count = 1; ; count++) {
      const location = locationOf(answer);
      if (location === undefined) return answer;
      if (count > maxRedirects) return failed(answer, `More than ${maxRedirects} redirects.`);
      const url = targetOf(location, request.url);
      if (url === undefined) return failed(answer, `Redirected to what is no http or https URL: ${location}`);
      if (wouldTell(request, answer.statusCode!, url))
        return failed(
          answer,
          "Redirected to another origin, and the body has a secret: that goes to nobody else.",
        );
      const timeoutMs = Math.ceil(first.timeoutMs - (performance.now() - begun));
      request = { ...redirected(request, answer.statusCode!, url), timeoutMs: Math.max(0, timeoutMs) };
      sending = send(request);
      // It may have come while there was nothing to end.
      if (aborted) sending.abort(aborted);

      const next = await sending.answer;
      const { method } = request;
      const redirectedTo = { method, url: request.url };
      const outcome = next.status === "succeeded" ? next : broken(next, { before: answer, count, url });
      answer = { ...outcome, redirectedTo };
    }
  }

  return {
    answer: toTheEnd().then((answer) => ({ ...answer, latencyMs: performance.now() - begun })),
    abort(reason) {
      aborted ??= reason;
      sending.abort(reason);
    },
  };
}

function locationOf({ status, statusCode, headers }: RawAnswer): string | undefined {
  if (status !== "succeeded" || !redirects.includes(statusCode!)) return undefined;
  // Of several, none is more right than the others.
  return headers?.location?.toString();
}

function targetOf(location: string, base: string): URL | undefined {
  const url = URL.parse(location, base);
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

/** Whether a secret in the body would go to whom it was not meant for. */
function wouldTell(request: OutgoingRequest, status: number, url: URL): boolean {
  const { body } = redirected(request, status, url);
  const isHome = url.origin === new URL(request.url).origin;
  return !isHome && body !== null && reveals(body, request.hidden ?? []);
}

/** The next request, as browsers would make it, but with less of what is confidential. */
function redirected(request: OutgoingRequest, status: number, url: URL): OutgoingRequest {
  const { method } = request;
  const becomesGet =
    status === 303 ? method !== "HEAD" && method !== "GET" : status <= 302 && method === "POST";
  const staysHome = url.origin === new URL(request.url).origin;
  const headers = Object.entries(request.headers).filter(
    ([name]) => (staysHome || harmless.test(name.toLowerCase())) && !(becomesGet && /^content-/i.test(name)),
  );
  const next = { ...request, url: url.href, ...(becomesGet && { method: "GET", body: null }) };
  const own = Object.fromEntries(headers);
  if (staysHome) return { ...next, headers: { ...own, ...request.sign?.(next) } };
  // Nor further on: whoever has a signature can pass it on as the scheduler's word.
  const { sign: _, ...unsigned } = next;
  return { ...unsigned, headers: own };
}

function failed(answer: RawAnswer, error: string): RawAnswer {
  return { ...answer, status: "connection_error", errorCode: "redirect", error };
}

/** What went wrong behind a redirect. */
function broken(
  answer: RawAnswer,
  { before, count, url }: { before: RawAnswer; count: number; url: URL },
): RawAnswer {
  const where = count === 1 ? "Redirected" : `Redirected ${count} times, at last`;
  const error = `${where} to ${url.origin}: ${answer.error}`;
  const verdict = { status: answer.status, errorCode: answer.errorCode, error };
  return answer.statusCode === null ? { ...before, ...verdict } : { ...answer, ...verdict };
}
