import { SchedulerError } from "@org/scheduler-contract";
import { qualityOf } from "@org/scheduler-http";

/** How the messages of an answer are written; `either` leaves it to the SDK, which does as it is usual in each revision. */
export type Form = "json" | "stream" | "either";

const json = "application/json";
const stream = "text/event-stream";

/** What the SDK asks of every request before it looks at it; `inForm` sees to it that others get what they accept. */
export const bothForms = `${json}, ${stream}`;

/** The form in which a request wants the answer to its message. Throws `not_acceptable` where it is none of ours. */
export function acceptedForm(accept: string | undefined, message: unknown): Form {
  const wants = { json: qualityOf(json, accept), stream: qualityOf(stream, accept) };
  if (isSubscription(message)) {
    if (wants.stream === 0) throw notAcceptable("subscriptions/listen is answered by an event stream alone");
    return wants.json === 0 ? "stream" : "either";
  }
  if (wants.json === 0 && wants.stream === 0) throw notAcceptable("there is nothing else to answer with");
  if (wants.json !== wants.stream) return wants.json > wants.stream ? "json" : "stream";
  // Whoever takes anything may well not know event streams; whoever names them does.
  return accept?.toLowerCase().includes(stream) ? "either" : "json";
}

/** Its answer has no end that could be waited for. */
function isSubscription(message: unknown): boolean {
  return (message as { method?: unknown } | null)?.method === "subscriptions/listen";
}

function notAcceptable(why: string): SchedulerError {
  return new SchedulerError(
    "not_acceptable",
    `The header Accept leaves out what would be answered with: ${why}.`,
    {
      hint: `Send Accept: ${bothForms}; one of the two alone will do for all but subscriptions/listen.`,
    },
  );
}

/** An answer in the form that was accepted; what has no body stays as it is. */
export async function inForm(answer: Response, form: Form, isBatch: boolean): Promise<Response> {
  const type = answer.headers.get("content-type");
  if (form === "json" && type === stream) return asJson(answer, isBatch);
  if (form === "stream" && type?.startsWith(json)) return asStream(answer);
  return answer;
}

async function asJson(answer: Response, isBatch: boolean): Promise<Response> {
  const lines = (await answer.text()).split("\n");
  const messages = lines.flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6))] : []));
  const responses = messages.filter((message: object) => "result" in message || "error" in message);
  // The stream was broken off: by the client, who is gone, or because the server stops.
  if (responses.length === 0) return new Response(null, { status: 499 });
  return Response.json(isBatch ? responses : responses[0], { status: answer.status });
}

async function asStream(answer: Response): Promise<Response> {
  const { type, text } = written(await answer.json(), "stream");
  return new Response(text, { status: answer.status, headers: { "Content-Type": type } });
}

/** One message as the body of an answer. */
export function written(message: unknown, form: Form): { type: string; text: string } {
  const text = JSON.stringify(message);
  return form === "stream"
    ? { type: stream, text: `event: message\ndata: ${text}\n\n` }
    : { type: json, text };
}
