import { describe, expect, it } from "vitest";
import type { JsonSchema } from "./compact-schema.ts";
import { tools } from "./tools.ts";

/** Every schema in a schema, with its place. */
function* nodesOf(schema: JsonSchema, path = "$"): Generator<[path: string, node: JsonSchema]> {
  yield [path, schema];
  for (const [name, node] of Object.entries(schema.properties ?? {})) yield* nodesOf(node, `${path}.${name}`);
  if (schema.items) yield* nodesOf(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === "object")
    yield* nodesOf(schema.additionalProperties, `${path}{}`);
}

const keywords = [
  "type",
  "description",
  "enum",
  "format",
  "maximum",
  "default",
  "properties",
  "required",
  "items",
  "additionalProperties",
];
const types = ["string", "integer", "number", "boolean", "array", "object"];

/** What some provider or client refuses, and with it, often, every other tool of the session. */
function flawOf(node: JsonSchema, isTop: boolean): string | undefined {
  const stray = Object.keys(node).find((keyword) => !keywords.includes(keyword));
  if (stray !== undefined) return `${stray} is no keyword that all take`;
  if (typeof node.type !== "string" || !types.includes(node.type)) return "not of one type";
  if (node.enum?.some((value) => typeof value !== "string" || value === ""))
    return "an enum of other than text";
  if (node.enum && node.type !== "string") return "an enum of another type";
  if ((node.type === "array") !== (node.items !== undefined))
    return "items without an array, or the other way";
  const fields = Object.keys(node.properties ?? {});
  if (node.required?.some((name) => !fields.includes(name))) return "requires what it does not have";
  if ((node.properties ?? node.required) && node.type !== "object") return "fields of no object";
  if (isTop && (node.type !== "object" || !node.properties)) return "no object at the top";
  if (isTop && node.additionalProperties !== undefined) return "additionalProperties at the top";
  return undefined;
}

describe.each(tools)("$name", (tool) => {
  it.each(["inputSchema", "outputSchema"] as const)("has an %s that every provider takes", (which) => {
    const flaws = [...nodesOf(tool[which])].flatMap(([path, node]) => {
      const flaw = flawOf(node, path === "$");
      return flaw === undefined ? [] : [`${path}: ${flaw}`];
    });
    expect(flaws).toEqual([]);
  });

  it("has names and descriptions that every client takes", () => {
    expect(tool.name).toMatch(/^[a-z][a-z_]{0,40}$/);
    expect(tool.description.length).toBeLessThan(2000);
  });
});
