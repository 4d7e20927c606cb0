import { operations } from "@org/scheduler-contract";
import type { Operation } from "@org/scheduler-contract";
import { encode } from "gpt-tokenizer";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { listBudget } from "./testing/backend.ts";
import { selectTools, tools } from "./tools.ts";

const byName = (name: string) => tools.find((tool) => tool.name === name)!;

describe("the tools", () => {
  it("are the operations that have a tool face, in their order", () => {
    const expected = Object.values<Operation>(operations).filter((operation) => operation.tool);
    expect(tools.map((tool) => tool.name)).toEqual(expected.map((operation) => operation.name));
  });

  it.each(tools)("$name says all that a client wants to know", (tool) => {
    expect(tool.title).not.toBe("");
    expect(tool.description).not.toBe("");
    expect(Object.values(tool.annotations).map((hint) => typeof hint)).toEqual(Array(4).fill("boolean"));
    expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(tool.outputSchema).toMatchObject({ type: "object" });
  });

  it.each(tools)("$name takes what its operation takes, and a format only where it reads", (tool) => {
    const own = Object.keys(operations[tool.name].input.shape);
    const extra = tool.risk === "read" ? ["response_format"] : [];
    expect(Object.keys(tool.inputSchema.properties ?? {})).toEqual([...own, ...extra]);
  });

  it.each(tools)("$name promises only fields that its operation answers", (tool) => {
    const output = operations[tool.name].output as z.ZodObject;
    const row = tool.isPage ? ((output.shape["data"] as z.ZodArray).element as z.ZodObject) : output;
    expect(Object.keys(row.shape)).toEqual(expect.arrayContaining([...tool.concise]));
  });

  it("derive their annotations from risk and idempotency", () => {
    const read = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
    const write = { ...read, readOnlyHint: false };
    expect(byName("list_jobs").annotations).toEqual(read);
    expect(byName("pause_job").annotations).toEqual(write);
    expect(byName("create_job").annotations).toEqual({
      ...write,
      idempotentHint: false,
      openWorldHint: true,
    });
    expect(byName("update_job").annotations).toEqual({ ...write, openWorldHint: true });
    expect(byName("run_job").annotations).toEqual({ ...write, idempotentHint: false, openWorldHint: true });
    expect(byName("delete_job").annotations).toEqual({ ...write, destructiveHint: true });
  });

  it("give an array its items and a union its types", () => {
    const { properties = {} } = byName("create_job").inputSchema;
    expect(properties["body"]).toEqual({ type: ["string", "object", "array"], items: {} });
    expect(properties["success_statuses"]).toMatchObject({ type: "array", items: {} });
    expect(byName("update_job").inputSchema.properties?.["timeout_seconds"]).toEqual({
      type: ["integer", "null"],
      maximum: 300,
    });
  });

  it("spell a long field out once", () => {
    expect(byName("create_job").inputSchema.properties?.["retry"]?.properties).toHaveProperty("max_attempts");
    expect(byName("update_job").inputSchema.properties?.["retry"]).toEqual({
      type: ["object", "null"],
      description: "as in create_job",
    });
    // It is offered to read-only tokens, which do not see create_job.
    expect(byName("preview_schedule").inputSchema.properties?.["when"]?.description).toContain("in 2h");
  });

  it("promise only what every answer has", () => {
    const { concise, outputSchema } = byName("create_job");
    expect(concise).toEqual([...outputSchema.required!, "dry_run", "notes"]);
  });

  it("narrow to toolsets and to reading", () => {
    const risks = new Set(selectTools(true).map((tool) => tool.risk));
    expect([...risks]).toEqual(["read"]);
    const sets = new Set(selectTools(false, ["executions"]).map((tool) => tool.toolset));
    expect([...sets]).toEqual(["executions"]);
    expect(selectTools(false, [])).toEqual([]);
  });

  it("fit into a model's context", () => {
    const list = tools.map(({ name, title, description, inputSchema, outputSchema, annotations }) => {
      return { name, title, description, inputSchema, outputSchema, annotations };
    });
    const heavy = list.filter((tool) => encode(JSON.stringify(tool)).length > 900);
    expect(heavy.map((tool) => tool.name)).toEqual([]);
    expect(encode(JSON.stringify({ tools: list })).length).toBeLessThanOrEqual(listBudget(tools.length));
  });
});
