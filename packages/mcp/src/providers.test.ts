import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { MCPTool, type MCPSessionManager } from "@google/adk";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { type MCPServer, mcpToFunctionTool } from "@openai/agents";
import { generateText, jsonSchema, tool } from "ai";
import { describe, expect, it } from "vitest";
import { tools } from "./tools.ts";

// What the client libraries make of our schemas, and what the models' providers refuse of that.

interface Node {
  type?: unknown;
  enum?: unknown[];
  items?: Node;
  properties?: Record<string, Node>;
  required?: string[];
  anyOf?: Node[];
  additionalProperties?: unknown;
}

interface Declaration {
  name: string;
  parameters?: Node;
  parametersJsonSchema?: Node;
  response?: Node;
}

function* nodesOf(node: Node, path = "$"): Generator<[path: string, node: Node]> {
  yield [path, node];
  for (const [name, property] of Object.entries(node.properties ?? {}))
    yield* nodesOf(property, `${path}.${name}`);
  for (const choice of node.anyOf ?? []) yield* nodesOf(choice, `${path}|`);
  if (node.items) yield* nodesOf(node.items, `${path}[]`);
}

/** Gemini's own words for it are in the reports that its errors are known from. */
function refusedByGemini(node: Node): string | undefined {
  if (typeof node.type !== "string") return "Proto field is not repeating, cannot start list";
  const isArray = node.type.toLowerCase() === "array";
  if (isArray !== (node.items !== undefined)) return "items: field predicate failed: $type == Type.ARRAY";
  if (node.enum?.some((value) => typeof value !== "string" || value === ""))
    return "enum[n]: cannot be empty";
  const known = Object.keys(node.properties ?? {});
  if (node.required?.some((name) => !known.includes(name))) return "required: property is not defined";
  return undefined;
}

function flaws(declarations: Declaration[], flawOf: (node: Node) => string | undefined): string[] {
  return declarations.flatMap(({ name, parameters, parametersJsonSchema, response }) =>
    [parameters, parametersJsonSchema, response].flatMap((schema) =>
      [...(schema ? nodesOf(schema) : [])].flatMap(([path, node]) => {
        const flaw = flawOf(node);
        return flaw === undefined ? [] : [`${name} ${path}: ${flaw}`];
      }),
    ),
  );
}

const listed = tools.map(({ name, description, inputSchema, outputSchema }) => {
  return { name, description, inputSchema, outputSchema } as never;
}) as (ConstructorParameters<typeof MCPTool>[0] & { description: string })[];

/** What each library would send to Gemini. */
const libraries: Record<string, () => Promise<Declaration[]>> = {
  async "the AI SDK"() {
    let sent = "";
    const fetch = (_url: unknown, init?: { body?: unknown }) => {
      sent = init?.body as string;
      return Promise.reject(new Error("it has been seen"));
    };
    const google = createGoogleGenerativeAI({ apiKey: "-", fetch });
    const named = listed.map(({ name, description, inputSchema }) => [
      name,
      tool({ description, inputSchema: jsonSchema(inputSchema as never) }),
    ]);
    const asking = { model: google("gemini-2.5-pro"), prompt: "hello", maxRetries: 0 };
    const given = { ...asking, tools: Object.fromEntries(named) as object };
    await generateText(given as Parameters<typeof generateText>[0]).catch(() => {});
    return (JSON.parse(sent) as { tools: { functionDeclarations: Declaration[] }[] }).tools[0]!
      .functionDeclarations;
  },
  LangChain() {
    const model = new ChatGoogleGenerativeAI({ apiKey: "-", model: "gemini-2.5-pro" });
    const functions = listed.map(({ name, description, inputSchema: parameters }) => ({
      type: "function" as const,
      function: { name, description, parameters },
    }));
    const asked = model.invocationParams({ tools: functions } as never);
    return Promise.resolve(
      (asked.tools as { functionDeclarations: Declaration[] }[])[0]!.functionDeclarations,
    );
  },
  ADK() {
    const declare = (listedTool: (typeof listed)[number]) =>
      new MCPTool(listedTool, {} as MCPSessionManager)._getDeclaration() as Declaration;
    return Promise.resolve(listed.map(declare));
  },
};

describe.each(Object.keys(libraries))("what %s makes of the tools", (name) => {
  it("is nothing that Gemini refuses", async () => {
    const declarations = await libraries[name]!();
    expect(declarations.map((declaration) => declaration.name)).toEqual(tools.map((each) => each.name));
    expect(flaws(declarations, refusedByGemini)).toEqual([]);
  });
});

/** Strict mode wants a type for each node, and objects that say all that they have. */
function refusedByOpenAi(node: Node): string | undefined {
  if (node.type === undefined && node.anyOf === undefined) return "schema must have a 'type' key";
  if (node.type !== "object") return undefined;
  if (node.additionalProperties !== false)
    return "'additionalProperties' is required to be supplied and to be false";
  const known = Object.keys(node.properties ?? {});
  return known.every((name) => node.required?.includes(name))
    ? undefined
    : "'required' must include every key";
}

it("what OpenAI Agents makes strict of the tools is nothing that strict mode refuses", () => {
  const functions = listed.map((each) =>
    mcpToFunctionTool(each as never, { name: "scheduler" } as MCPServer, true),
  );
  const strict = functions.filter((each) => each.strict);
  // Free objects, such as headers, cannot be strict.
  expect(strict.length).toBeGreaterThan(tools.length / 2);
  const declarations = strict.map(({ name, parameters }) => ({ name, parameters: parameters as Node }));
  expect(flaws(declarations, refusedByOpenAi)).toEqual([]);
});
