import { operations } from "@org/scheduler-contract";
import type { Operation, OperationName, Risk, ToolFace, Toolset } from "@org/scheduler-contract";
import { z } from "zod";
import { compactInput, compactOutput } from "./compact-schema.ts";
import type { JsonSchema } from "./compact-schema.ts";

/** An operation as an MCP tool. */
export interface Tool {
  name: OperationName;
  title: string;
  description: string;
  toolset: Toolset | null;
  risk: Risk;
  annotations: Annotations;
  inputSchema: JsonSchema;
  outputSchema: JsonSchema;
  /** The operation with the arguments that only the tool has. */
  checked: Operation;
  /** The fields that `clear` may name. */
  clearable: readonly string[];
  /** All that those may be, for reading what clients make of them. */
  reading: JsonSchema;
  /** The fields of a concise answer; for lists, of each row. */
  concise: readonly string[];
  /** Those of them that are not in every answer. */
  optional: readonly string[];
  /** Other fields that a concise answer shows where they have another value than this. */
  unless: Readonly<Record<string, unknown>>;
  isPage: boolean;
}

export interface Annotations {
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  openWorldHint: boolean;
}

/** What every reading tool takes besides its operation's input. */
export const responseFormats = ["concise", "detailed"] as const;
export type ResponseFormat = (typeof responseFormats)[number];

/** What a tool asks for by itself, since each page says it. */
const asked = ["counts"];

/** Every tool, in the order of the operations. */
export const tools: readonly Tool[] = Object.values<Operation>(operations).flatMap((operation) =>
  operation.tool ? [toTool(operation, operation.tool)] : [],
);

/** The tools a server offers: those of the toolsets, and only the reading ones if it may do no more. */
export function selectTools(readOnly: boolean, toolsets?: readonly Toolset[]): readonly Tool[] {
  return tools.filter(
    (tool) =>
      (!readOnly || tool.risk === "read") &&
      (!toolsets || (tool.toolset !== null && toolsets.includes(tool.toolset))),
  );
}

function toTool(operation: Operation, { concise, unless = {}, hides = [] }: ToolFace): Tool {
  const { title, description, risk, output, toolset } = operation;
  const clearable = clearableOf(operation);
  const checked = withToolArguments(operation, clearable);
  const reading = z.toJSONSchema(checked.input, { io: "input" }) as JsonSchema;
  const shape = output instanceof z.ZodObject ? output.shape : {};
  const isPage = "next_cursor" in shape;
  const optional = concise.filter((field) => shape[field] instanceof z.ZodOptional);
  return {
    name: operation.name as OperationName,
    title,
    description,
    toolset,
    risk,
    annotations: annotate(operation),
    inputSchema: compactInput(without(reading, [...asked, ...hides])),
    outputSchema: compactOutput(z.toJSONSchema(output, { io: "output" }) as JsonSchema, concise, isPage),
    checked,
    clearable,
    reading,
    concise,
    optional,
    unless,
    isPage,
  };
}

/**
 * What reads also takes `response_format`. What takes null takes `clear` instead: clients that are strict send null for
 * everything that they leave out.
 */
function withToolArguments(operation: Operation, clearable: readonly string[]): Operation {
  const { risk, input } = operation;
  const extra = {
    ...(risk === "read" && { response_format: z.enum(responseFormats).optional() }),
    ...(showsAttempts(operation) && {
      attempt: z.int().min(1).optional().describe("only this one"),
      offset: z.int().min(0).optional().describe("of its body, to read on"),
    }),
    ...(clearable.length > 0 && {
      clear: z.array(z.enum(clearable)).optional().describe("fields to set back to their defaults"),
    }),
  };
  return { ...operation, input: input.extend(extra) };
}

function without(schema: JsonSchema, hidden: readonly string[]): JsonSchema {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !hidden.includes(name));
  return { ...schema, properties: Object.fromEntries(fields) };
}

function showsAttempts({ output }: Operation): boolean {
  return output instanceof z.ZodObject && "attempts" in output.shape;
}

function clearableOf({ input }: Operation): string[] {
  return Object.keys(input.shape).filter((name) => input.shape[name]!.safeParse(null).success);
}

/** A change that can be undone is no destruction, so `write` is not; what takes a URL will call out to it. */
function annotate({ risk, idempotent, input }: Operation): Annotations {
  return {
    readOnlyHint: risk === "read",
    destructiveHint: risk === "destructive",
    idempotentHint: idempotent,
    openWorldHint: risk === "execute" || (risk === "write" && "url" in input.shape),
  };
}
