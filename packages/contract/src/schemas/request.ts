import { z } from "zod";
import { statuses } from "./common.ts";

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** What a job may weigh: bytes of UTF-8. */
export const maxBodyBytes = 256 * 1024;

/** RFC 9110: a field name is a token. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that frame the message or route it: they are the sender's, or a request could be smuggled. */
const framingHeaders = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export const targetUrl = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ examples: ["https://api.example.com/sync"] });

function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url) return "expected a whole URL such as https://api.example.com/sync";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "expected an http or https URL";
  if (url.username || url.password) return "put credentials into an Authorization header, not into the URL";
  return undefined;
}

export const method = z.enum(methods);

export const headers = z
  .record(z.string(), z.string().max(8192))
  .superRefine((fields, context) => {
    const entries = Object.entries(fields);
    if (entries.length > 50) context.addIssue({ code: "custom", message: "at most 50 headers" });
    for (const [name, value] of entries) {
      const problem = headerProblem(name, value);
      if (problem) context.addIssue({ code: "custom", message: problem, path: [name] });
    }
  })
  .meta({ examples: [{ "X-Source": "scheduler" }] });

function headerProblem(name: string, value: string): string | undefined {
  if (!headerName.test(name)) return "not a header name; write it like X-Source";
  if (framingHeaders.has(name.toLowerCase())) return "this header is set by the sender; leave it out";
  if (!headerValue.test(value)) return "header values are one line of printable Latin-1 text";
  return undefined;
}

/** Text is sent as it is; an object or array is sent as JSON. */
export const body = z
  .union([z.string(), z.record(z.string(), z.json()), z.array(z.json())])
  .refine((value) => bodyBytes(value) <= maxBodyBytes, `the body may have at most ${maxBodyBytes} bytes`);

function bodyBytes(value: unknown): number {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)).length;
}

export const timeoutSeconds = z.int().min(1).max(300);

export const retry = z.strictObject({
  max_attempts: z.int().min(1).max(50).optional().describe("the first attempt counted"),
  strategy: z.enum(["exponential", "fixed", "list"]).optional(),
  base_seconds: z.number().min(0).max(86_400).optional(),
  factor: z.number().min(1).max(100).optional(),
  max_seconds: z.number().min(0).max(604_800).optional(),
  delays_seconds: z.array(z.number().min(0).max(604_800)).min(1).max(50).optional(),
  jitter: z.boolean().optional(),
  retry_on_statuses: statuses.optional(),
});

/** A retry policy with everything filled in. */
export const retryPolicy = z.object({
  max_attempts: z.int(),
  strategy: z.enum(["exponential", "fixed", "list"]),
  base_seconds: z.number(),
  factor: z.number(),
  max_seconds: z.number(),
  delays_seconds: z.array(z.number()),
  jitter: z.boolean(),
  retry_on_statuses: statuses,
});

export type RetryInput = z.infer<typeof retry>;
export type RetryPolicy = z.infer<typeof retryPolicy>;
export type Statuses = z.infer<typeof statuses>;
