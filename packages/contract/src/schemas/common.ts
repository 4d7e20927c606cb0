import { z } from "zod";
import { exampleInstant } from "../examples.ts";

/** A point in time on the wire: RFC 3339, answered in UTC with milliseconds. */
export const instant = z.string().meta({ format: "date-time" });

const firstInstant = Date.UTC(1970, 0, 1);
const lastInstant = Date.UTC(9999, 11, 31);

/** A point in time as input: RFC 3339 with its offset, within what ids and databases can tell. */
export const instantInput = z.iso
  .datetime({ offset: true, error: () => `expected an RFC 3339 instant such as ${exampleInstant()}` })
  .refine((text) => {
    const at = Date.parse(text);
    return at >= firstInstant && at <= lastInstant;
  }, "expected a year from 1970 to 9999");

export const id = z.string().min(1).max(64);

/** Names a request, so that sending it again does nothing again. As a header would lose them, no spaces around it. */
export const idempotencyKey = z
  .string()
  .max(255)
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, "expected printable ASCII without spaces around it");

/** Clients, proxies and load balancers give up after a minute: an operation that waits has answered by then. */
const longestWaitSeconds = 50;
export const waitSeconds = z.int().min(0).max(longestWaitSeconds);

export const pageInput = {
  limit: z.int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(200).optional(),
};

/** How many rows a filter is for, counted up to so many. */
export const mostCounted = 10_000;

/** What a page says of the whole list, where it is asked for. */
export const counts = z.object({
  total: z.int(),
  /** There are more than were counted. */
  capped: z.boolean(),
  by: z.record(z.string(), z.int()),
});

export const countsInput = {
  counts: z.boolean().default(false).describe("also how many there are, up to 10,000"),
};

/** A page of a list, newest first. `next_cursor` is null on the last page. */
export function page<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), next_cursor: z.string().nullable(), has_more: z.boolean() });
}

export const deleted = z.object({ deleted: z.literal(true), id: z.string() });

/** HTTP status codes, one by one or a whole class at a time: `[200, 304]`, `["2xx"]`. */
export const statuses = z
  .array(
    z.union([z.int().min(100).max(599), z.enum(["1xx", "2xx", "3xx", "4xx", "5xx"])], {
      error: 'expected a status such as 304, or a class of them such as "2xx"',
    }),
  )
  .max(50);

/** Labels of the caller's own: up to 50 pairs of short strings. */
export const metadata = z
  .record(z.string().min(1).max(100), z.string().max(500))
  .refine((labels) => Object.keys(labels).length <= 50, "at most 50 labels");
