import { v5 } from "uuid";
import type { StartedExecution } from "../executions/life.sql.ts";
import type { Cipher } from "../encryption/cipher.ts";
import { toPublicId } from "../ids.ts";
import { hide } from "../secrets/hidden.ts";
import { openHeaders } from "../secrets/sealed-headers.ts";
import type { Vault } from "../secrets/vault.ts";
import { fill, type Filled, SecretError } from "../sending/fill.ts";
import type { Message } from "../sending/outgoing.ts";
import type { Templates } from "../sending/templates.ts";

/** The request of an execution, before it is signed. Throws SecretError. */
export function toMessage(
  execution: StartedExecution,
  { vault, cipher }: { vault: Vault; cipher: Cipher | undefined },
): Message {
  const { url, headers, body, hidden } = filled(execution, vault, cipher);
  return {
    deliveryId: toPublicId("exec", execution.id),
    attempt: execution.attempt_count,
    jobId: toPublicId("job", execution.job_id),
    scheduledFor: execution.scheduled_for,
    method: execution.method,
    url,
    headers,
    body,
    hidden,
    timeoutMs: execution.timeout_seconds * 1000,
    followRedirects: execution.follow_redirects,
  };
}

function filled(execution: StartedExecution, vault: Vault, cipher: Cipher | undefined): Filled {
  const { url, headers, body, sealed_headers: sealed, fills_templates: fills, needs_secrets } = execution;
  if (execution.for_agent) return { url, headers, body: withExecution(body!, execution), hidden: [] };
  const own = sealed === null ? {} : opened(execution, sealed, cipher);
  const stored = { url, headers: sealed === null ? headers : { ...headers, ...own }, body };
  // Nearly no request has any, and what stands in their place takes long to make.
  const hasTemplates = fills && hasBraces(stored);
  if (sealed === null && !hasTemplates && !needs_secrets) return { ...stored, hidden: [] };
  const given = fill(stored, vault, hasTemplates ? templatesOf(execution) : undefined);
  const shown = Object.keys(own).flatMap((name) =>
    credentialsIn(name, given.headers[name]!).map((value) => hide(name, value)),
  );
  return { ...given, hidden: [...given.hidden, ...shown] };
}

/** A message to an agent, with the execution that it is of. */
function withExecution(body: string, { id, trigger, scheduled_for }: StartedExecution): string {
  const told = { execution_id: toPublicId("exec", id), trigger, scheduled_for };
  return `${JSON.stringify(told).slice(0, -1)},${body.slice(1)}`;
}

function hasBraces({ url, headers, body }: Pick<Filled, "url" | "headers" | "body">): boolean {
  return (
    url.includes("{{") ||
    body?.includes("{{") === true ||
    Object.values(headers).some((value) => value.includes("{{"))
  );
}

/** Shorter parts are found in anything. */
const shortestPart = 6;

/** What of a header must not be seen: all of it but its scheme, and what a target may take out of it. */
function credentialsIn(name: string, value: string): string[] {
  const [, scheme = "", credential = value] = /^([A-Za-z][\w-]*) +(.+)$/.exec(value) ?? [];
  const whole = scheme === "" ? value : credential;
  const parts = [
    ...(scheme.toLowerCase() === "basic"
      ? [
          Buffer.from(whole, "base64")
            .toString()
            .replace(/^[^:]*:/, ""),
        ]
      : []),
    ...(name.toLowerCase() === "cookie" ? whole.split(/; */).map((pair) => pair.replace(/^[^=]*=/, "")) : []),
  ];
  return [whole, ...parts.filter(({ length }) => length >= shortestPart)];
}

function opened(
  execution: StartedExecution,
  sealed: Buffer,
  cipher: Cipher | undefined,
): Record<string, string> {
  try {
    return openHeaders(sealed, { scope_id: execution.scope_id, id: execution.job_id }, cipher);
  } catch (error) {
    throw new SecretError(
      `The job's masked headers cannot be read; nothing was sent. ${(error as Error).message}`,
    );
  }
}

/** All but the attempt come from what the execution was when it was written: a retry sends the same, whoever sends it. */
function templatesOf({ id, created_ms, scheduled_for, attempt_count }: StartedExecution): Templates {
  const begun = new Date(Math.max(created_ms, scheduled_for.getTime()));
  return {
    timestamp: begun.toISOString(),
    uuid: v5("uuid", id),
    execution_id: toPublicId("exec", id),
    scheduled_for: scheduled_for.toISOString(),
    attempt: String(attempt_count),
  };
}
