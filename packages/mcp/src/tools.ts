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
  toolset: Toolset;
  risk: Risk;
  annotations: Annotations;
  inputSchema: JsonSchema;
  outputSchema: JsonSchema;
  /** The operation with the arguments that only the tool has. */
  checked: Operation;
  /** The fields of a concise answer; for lists, of each row. */
  concise: readonly string[];
  /** Those of them that are not in every answer. */
  optional: readonly string[];
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

/** A field whose description is at least this long is described once. */
const longDescription = 50;

/** Every tool, in the order of the operations. */
export const tools: readonly Tool[] = spellOutOnce(
  Object.values<Operation>(operations).flatMap((operation) =>
    operation.tool ? [toTool(operation, operation.tool)] : [],
  ),
);

/** The tools a server offers: those of the toolsets, and only the reading ones if it may do no more. */
export function selectTools(readOnly: boolean, toolsets?: readonly Toolset[]): readonly Tool[] {
  return tools.filter(
    (tool) => (!readOnly || tool.risk === "read") && (!toolsets || toolsets.includes(tool.toolset)),
  );
}

function toTool(operation: Operation, { toolset, concise }: ToolFace): Tool {
  const { title, description, risk, output } = operation;
  const checked = risk === "read" ? withResponseFormat(operation) : operation;
  const shape = output instanceof z.ZodObject ? output.shape : {};
  const isPage = "next_cursor" in shape;
  const optional = concise.filter((field) => shape[field] instanceof z.ZodOptional);
  const required = concise.filter((field) => !optional.includes(field));
  return {
    name: operation.name as OperationName,
    title,
    description,
    toolset,
    risk,
    annotations: annotate(operation),
    inputSchema: compactInput(z.toJSONSchema(checked.input, { io: "input" }) as JsonSchema),
    outputSchema: compactOutput(required, isPage),
    checked,
    concise,
    optional,
    isPage,
  };
}

function withResponseFormat(operation: Operation): Operation {
  const input = operation.input.extend({ response_format: z.enum(responseFormats).optional() });
  return { ...operation, input };
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

/** What several writing tools of a toolset take in the same way is spelled out by the first; the others point there. */
function spellOutOnce(table: Tool[]): Tool[] {
  const spelledBy = new Map<string, string>();
  for (const { name, toolset, risk, inputSchema } of table) {
    // A reading tool may be offered without the others.
    if (risk === "read") continue;
    const fields = inputSchema.properties ?? {};
    for (const [field, { type, description, default: _, ...shape }] of Object.entries(fields)) {
      const json = JSON.stringify(shape.properties ?? { description, ...shape });
      if (json.length < longDescription || shape.items) continue;
      const first = spelledBy.get(`${toolset} ${field} ${json}`);
      if (first) fields[field] = { ...(type && { type }), description: `as in ${first}` };
      else spelledBy.set(`${toolset} ${field} ${json}`, name);
    }
  }
  return table;
}
