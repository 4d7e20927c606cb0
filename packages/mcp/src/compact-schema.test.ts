import { describe, expect, it } from "vitest";
import { z } from "zod";
import { compactInput } from "./compact-schema.ts";
import type { JsonSchema } from "./compact-schema.ts";

function compact(field: z.ZodType): JsonSchema | undefined {
  const schema = z.toJSONSchema(z.strictObject({ field }), { io: "input" }) as JsonSchema;
  return compactInput(schema).properties?.["field"];
}

describe("a field is described", () => {
  it.each<[string, z.ZodType, JsonSchema]>([
    ["without lengths and patterns", z.string().min(1).max(9).regex(/x/), { type: "string" }],
    ["by its format", z.iso.datetime({ offset: true }), { type: "string", format: "date-time" }],
    [
      "with a small limit",
      z.int().min(1).max(100).default(20),
      { type: "integer", maximum: 100, default: 20 },
    ],
    ["without a limit that nobody meets", z.int().max(525_600), { type: "integer" }],
    ["with its choices", z.enum(["a", "b"]), { type: "string", enum: ["a", "b"] }],
    ["with null", z.string().max(9).nullable(), { type: "string" }],
    ["without null among its choices", z.enum(["a"]).nullable(), { type: "string", enum: ["a"] }],
    ["as text where it takes several types", z.union([z.int(), z.boolean()]), { type: "string" }],
    ["as text where it takes anything", z.unknown().describe("d"), { type: "string", description: "d" }],
    ["with the items of an array", z.array(z.int()), { type: "array", items: { type: "integer" } }],
    [
      "with the values of a record",
      z.record(z.string(), z.string().max(9)),
      { type: "object", additionalProperties: { type: "string" } },
    ],
  ])("%s", (_, field, expected) => {
    expect(compact(field)).toEqual(expected);
  });

  it("one level deep", () => {
    const nested = z.strictObject({ limit: z.int().max(10), name: z.string() });
    expect(compact(nested)).toEqual({
      type: "object",
      properties: { limit: { type: "integer" }, name: { type: "string" } },
      required: ["limit", "name"],
    });
  });
});
