import type { z } from "zod";
import type { Access } from "./access.ts";
import type { Risk } from "./risk.ts";

export const toolsets = ["jobs", "executions", "notifications", "secrets", "queues", "agents"] as const;
/** What belongs together: a token, a connection or a policy may be for some of these alone. */
export type Toolset = (typeof toolsets)[number];

/** The HTTP face. A `{name}` in the path is the input field of that name; the rest is query or JSON body. */
export interface HttpFace {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: `/v1/${string}`;
  /** The status of a success. 200 unless told. */
  status?: 200 | 201;
  /** The field that a body is which does not name it: text, YAML or an object of its own. */
  wholeBody?: string;
}

/** The MCP face. Absent: the operation is no tool. */
export interface ToolFace {
  /** The top-level output fields that a concise answer keeps; for lists, those of each row. */
  concise: readonly string[];
  /** Fields of the input that models are not told of, since few need them; they are taken all the same. */
  hides?: readonly string[];
  /** Fields that a concise answer shows where they have another value than this. */
  unless?: Readonly<Record<string, unknown>>;
}

/** The path of a field that is not there. */
export type Missing = string[];

/** One thing that a caller can ask for. Every face of it is derived from this. */
export interface Operation<
  Name extends string = string,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
  OperationRisk extends Risk = Risk,
  OperationAccess extends Access = Access,
> {
  name: Name;
  title: string;
  /** For an agent that meets the operation for the first time: what it does, when to use it, what comes back. */
  description: string;
  input: Input;
  /** Which fields are missing, where one of several has to be there. */
  missing?: (given: Record<string, unknown>) => Missing[];
  output: Output;
  risk: OperationRisk;
  access: OperationAccess;
  /** Asking twice does no more than asking once. */
  idempotent: boolean;
  /** Null for what is about access itself: whoever is to have that by its scopes is given it by its name. */
  toolset: Toolset | null;
  http: HttpFace;
  tool?: ToolFace;
}

/** Declares an operation, keeping its exact types. */
export function operation<
  Name extends string,
  Input extends z.ZodObject,
  Output extends z.ZodType,
  OperationRisk extends Risk,
  OperationAccess extends Access,
>(
  definition: Operation<Name, Input, Output, OperationRisk, OperationAccess>,
): Operation<Name, Input, Output, OperationRisk, OperationAccess> {
  return definition;
}
