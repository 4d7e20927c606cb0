import type { CallOptions, Execute, Input, OperationName, Output } from "@org/scheduler-contract";
import { operations, SchedulerError } from "@org/scheduler-contract";
import { buildRequest } from "./build-request.ts";
import { readAnswer } from "./read-answer.ts";

export interface ClientOptions {
  /** Where the server is, with its path if it has one: `http://127.0.0.1:7070`. */
  url: string;
  /** Only `login` works without one. */
  token?: string;
  /** The `fetch` to use; the global one unless told. */
  fetch?: typeof globalThis.fetch;
  /** How long to wait for an answer; operations that wait themselves get that long more. 30,000 unless told. */
  timeoutMs?: number;
}

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Method<Name extends OperationName> = (
  ...call: {} extends Input<Name>
    ? [input?: Input<Name>, options?: CallOptions]
    : [input: Input<Name>, options?: CallOptions]
) => Promise<Output<Name>>;

/** Every operation as a method, `create_job` as `createJob`; `execute` takes the operation's name. */
export type Client = { execute: Execute } & { [Name in OperationName as CamelCase<Name>]: Method<Name> };

/** The contract over HTTP. Whatever goes wrong is thrown as a SchedulerError; what was called off, as its signal says. */
export function createClient({
  url,
  token,
  fetch = globalThis.fetch,
  timeoutMs = 30_000,
}: ClientOptions): Client {
  const baseUrl = checkUrl(url);
  const headers = { Accept: "application/json", ...authorization(token) };

  const execute: Execute = async (name, input, { signal } = {}) => {
    const { path, body, waitMs, headers: ownHeaders } = buildRequest(name, input ?? {});
    const patienceMs = timeoutMs + waitMs;
    const answer = readAnswer({ baseUrl, patienceMs, signal }, async () => {
      const response = await fetch(baseUrl + path, {
        method: operations[name].http.method,
        headers: {
          ...headers,
          ...ownHeaders,
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        // A redirect would turn a POST into a GET, and carry the token elsewhere.
        redirect: "manual",
        signal: AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]),
        ...(body === undefined ? {} : { body }),
      });
      return { response, text: await response.text() };
    });
    return (await answer) as Output<typeof name>;
  };

  const methods = Object.keys(operations).map((name) => [
    camelCase(name),
    (input: Input<OperationName>, options?: CallOptions) => execute(name as OperationName, input, options),
  ]);
  return { execute, ...Object.fromEntries(methods) } as Client;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function checkUrl(url: string): string {
  const parsed = URL.parse(url);
  const usable = parsed && /^https?:$/.test(parsed.protocol) && !parsed.username && !parsed.password;
  if (usable) return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}`;
  throw new SchedulerError("invalid_input", "The scheduler's URL cannot be used.", {
    field: "url",
    hint: "Give an http or https URL without credentials, such as http://127.0.0.1:7070; the token goes apart.",
  });
}

/** Checked here, because fetch would repeat an unfit token in its error. */
function authorization(token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  if (/^[\x21-\x7e]+$/.test(token)) return { Authorization: `Bearer ${token}` };
  throw new SchedulerError("unauthenticated", "The token is empty or holds a space or a line break.", {
    field: "token",
    hint: "Give the token exactly as it was shown when it was created, such as cron_pat_…",
  });
}
