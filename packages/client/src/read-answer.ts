import type { Problem } from "@org/scheduler-contract";
import { fromProblem, SchedulerError } from "@org/scheduler-contract";

interface Exchange {
  baseUrl: string;
  patienceMs: number;
  /** Whoever calls off a call knows why: its own reason is thrown. */
  signal: AbortSignal | undefined;
}

interface Received {
  response: Response;
  text: string;
}

/** What the server answered, or its problem thrown as the error it was. */
export async function readAnswer(exchange: Exchange, receive: () => Promise<Received>): Promise<unknown> {
  const { response, text } = await receive().catch((error: unknown) => {
    exchange.signal?.throwIfAborted();
    throw unreachable(exchange, error);
  });
  const value = parseJson(text);
  if (response.ok && value !== undefined) return value;
  throw isProblem(value) ? fromProblem(value) : notOurs(exchange, response);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const { code, detail, hint } = value as Partial<Record<keyof Problem, unknown>>;
  return typeof code === "string" && typeof detail === "string" && typeof hint === "string";
}

function unreachable({ baseUrl, patienceMs }: Exchange, error: unknown): SchedulerError {
  const timedOut = error instanceof Error && error.name === "TimeoutError";
  const detail = timedOut
    ? `The scheduler did not answer within ${patienceMs / 1000} seconds.`
    : `The scheduler could not be reached${reasonOf(error)}.`;
  return new SchedulerError("unavailable", detail, {
    hint: `Check that it runs at ${baseUrl}, then try again: GET ${baseUrl}/healthz shows whether it is alive.`,
    cause: error,
  });
}

/** Node says why in the cause's code, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return typeof cause?.code === "string" ? ` (${cause.code})` : "";
}

function notOurs({ baseUrl }: Exchange, response: Response): SchedulerError {
  const type = response.headers.get("content-type") ?? "no content type";
  const code = [502, 503, 504].includes(response.status) ? "unavailable" : "internal";
  return new SchedulerError(
    code,
    `${baseUrl} answered ${response.status} with ${type}: that is not the scheduler's JSON.`,
    { hint: `Check that ${baseUrl} is the scheduler's own URL, and whether a proxy stands in front of it.` },
  );
}
