import { z } from "zod";
import { type ExactNumber, isExactNumber } from "../exact-json.ts";
import { statuses } from "./common.ts";

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** What a job may weigh: bytes of UTF-8. */
export const maxBodyBytes = 256 * 1024;

/** RFC 9110: a field name is a token. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that frame the message or route it: they are the sender's, or a request could be smuggled. */
const framingHeaders = [
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
];

/** The sender's own, too: they tell the target which delivery this is, and prove it. */
const deliveryHeader = /^((sched|x-cron-service)-|webhook-(id|timestamp|signature)$)/;

export const targetUrl = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ examples: ["https://api.example.com/sync"] });

function urlProblem(text: string): string | undefined {
  if (/^\s|[\t\r\n]|\s$/.test(text)) return "a URL has no white space around it and no line breaks";
  const url = URL.parse(text);
  if (!url) return "expected a whole URL such as https://api.example.com/sync";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "expected an http or https URL";
  if (text.includes("secret://"))
    return "a URL is logged everywhere: put secret://name into a header or the body";
  if (url.username || url.password) return "put credentials into an Authorization header, not into the URL";
  return undefined;
}

export const method = z.enum(methods);

export const headers = z
  .record(z.string(), z.string().max(8192))
  .superRefine((fields, context) => {
    const entries = Object.entries(fields);
    if (entries.length > 50) context.addIssue({ code: "custom", message: "at most 50 headers" });
    const seen = new Set<string>();
    for (const [name, value] of entries) {
      const problem = headerProblem(name, value, seen);
      seen.add(name.toLowerCase());
      if (problem) context.addIssue({ code: "custom", message: problem, path: [name] });
    }
  })
  .meta({ examples: [{ "X-Source": "scheduler" }] });

function headerProblem(name: string, value: string, seen: Set<string>): string | undefined {
  if (!headerName.test(name)) return "not a header name; write it like X-Source";
  const lower = name.toLowerCase();
  if (seen.has(lower)) return "given twice; upper and lower case make no difference";
  if (framingHeaders.includes(lower) || deliveryHeader.test(lower))
    return "this header is set by the sender; leave it out";
  if (!headerValue.test(value)) return "header values are one line of printable Latin-1 text";
  return undefined;
}

/** RFC 9535, of which only what leads to a single place: names and indices. */
const jsonPath = /^\$(\.[A-Za-z_][\w-]*|\[\d{1,9}\]|\['[^'\\]*'\]|\["[^"\\]*"\])*$/;

type Body = string | Record<string, unknown> | unknown[];

/**
 * Text is sent as it is; an object or array is sent as JSON. What is inside is not looked at here: `parseInput` has
 * made sure that it is JSON, and a schema that visits every part takes a second for a large body.
 */
export const body = z
  .unknown()
  .superRefine((value, context) => {
    const problem = bodyProblem(value);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ type: ["string", "object", "array"], items: {} }) as z.ZodType<Body, Body>;

function bodyProblem(value: unknown): string | undefined {
  if (typeof value !== "string" && (typeof value !== "object" || value === null))
    return "expected text, an object or an array";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const bytes = new TextEncoder().encode(text).length;
  return bytes <= maxBodyBytes ? undefined : `at most ${maxBodyBytes} bytes, this has ${bytes}`;
}

/** The name of a queue, or a job's own key: what can stand in a path as it is. */
export const slug = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/,
    "expected up to 100 letters, digits and . _ : -, the first of them a letter or a digit",
  );

/** What of an execution no list of choices holds. */
export const executionText = {
  error_contains: z.string().min(1).max(200).optional(),
  host: z.string().min(1).max(255).optional().describe("of the URL, with its port"),
};

const assertionTypes = [
  "status_equals",
  "header_equals",
  "body_contains",
  "json_path_equals",
  "answered_under_ms",
] as const;

/** As many digits as anybody compares, and no more zeros than storage can hold. */
const comparable = /^-?[\d.]{1,100}(e[+-]?\d{1,3})?$/i;

const exactNumber = z
  .unknown()
  .refine(
    (value) => typeof value === "number" || (isExactNumber(value) && comparable.test(value.rawJSON)),
    "expected a number of at most 100 digits",
  )
  .meta({ type: "number" }) as z.ZodType<number | ExactNumber, number | ExactNumber>;

/** One more thing that must hold for an answer to count as a success. */
export const assertion = z
  .strictObject({
    type: z.enum(assertionTypes),
    name: z.string().regex(headerName, "not a header name; write it like X-Source").optional(),
    path: z
      .string()
      .max(500)
      .regex(jsonPath, "expected names and indices only, such as $.items[0].state")
      .optional(),
    value: z.union([z.string().max(2000), exactNumber, z.boolean(), z.null()]),
  })
  .superRefine((given, context) => {
    const problem = assertionProblem(given);
    if (problem) context.addIssue({ code: "custom", ...problem });
  });

const needs: Partial<Record<AssertionType, "name" | "path">> = {
  header_equals: "name",
  json_path_equals: "path",
};

function assertionProblem(given: {
  type: AssertionType;
  name?: string | undefined;
  path?: string | undefined;
  value: unknown;
}): { path: string[]; message: string } | undefined {
  const { type, value } = given;
  for (const field of ["name", "path"] as const) {
    const isNeeded = needs[type] === field;
    if (isNeeded === (given[field] !== undefined)) continue;
    const message = isNeeded ? `is needed for ${type}` : `has no meaning for ${type}; leave it out`;
    return { path: [field], message };
  }
  const message = valueProblem(type, value);
  return message === undefined ? undefined : { path: ["value"], message };
}

function valueProblem(type: AssertionType, value: unknown): string | undefined {
  switch (type) {
    case "status_equals":
      return isWhole(value, 100, 599) ? undefined : "expected a status code such as 200";
    case "answered_under_ms":
      return isWhole(value, 1, 300_000) ? undefined : "expected whole milliseconds, from 1 to 300000";
    case "header_equals":
    case "body_contains":
      return typeof value === "string" && value !== "" ? undefined : "expected text";
    case "json_path_equals":
      return undefined;
  }
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

export const assertions = z.array(assertion).max(10);

export const timeoutSeconds = z.int().min(1).max(300);

/** Attempts are counted with the first. */
export const retry = z.strictObject({
  max_attempts: z.int().min(1).max(50).optional(),
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

type AssertionType = (typeof assertionTypes)[number];
export type Assertion = z.infer<typeof assertion>;
export type RetryInput = z.infer<typeof retry>;
export type RetryPolicy = z.infer<typeof retryPolicy>;
export type Statuses = z.infer<typeof statuses>;
