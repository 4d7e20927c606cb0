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
    expect(tool.inputSchema).toMatchObject({ type: "object" });
    expect(tool.outputSchema).toMatchObject({ type: "object" });
  });

  it.each(tools)("$name takes what its operation takes, and what only a tool has", (tool) => {
    const operation: Operation = operations[tool.name];
    const hidden = ["counts", ...(operation.tool!.hides ?? [])];
    const own = Object.keys(operation.input.shape).filter((name) => !hidden.includes(name));
    const extra = [
      ...(tool.risk === "read" ? ["response_format"] : []),
      ...(tool.concise.includes("attempts") ? ["attempt", "offset"] : []),
      ...(tool.clearable.length > 0 ? ["clear"] : []),
    ];
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

  it("let what takes null be cleared by its name", () => {
    const { clear, retry } = byName("update_job").inputSchema.properties!;
    expect(clear!.items!.enum).toEqual(expect.arrayContaining(["retry", "queue", "headers"]));
    expect(clear!.items!.enum).not.toContain("name");
    expect(retry).toMatchObject({ type: "object", properties: { max_attempts: { type: "integer" } } });
    expect(byName("update_queue").inputSchema.properties).toHaveProperty("clear");
    expect(byName("create_job").inputSchema.properties).not.toHaveProperty("clear");
  });

  it.each(tools)("$name is understood without another", ({ inputSchema }) => {
    expect(JSON.stringify(inputSchema)).not.toMatch(/as in /);
  });

  it("promise only what every answer has", () => {
    for (const { outputSchema, concise, isPage } of tools)
      expect(isPage ? ["data", "has_more"] : concise).toEqual(expect.arrayContaining(outputSchema.required!));
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
    const heavy = list.filter((tool) => encode(JSON.stringify(tool)).length > 1100);
    expect(heavy.map((tool) => tool.name)).toEqual([]);
    const seen = list.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
    expect(encode(JSON.stringify(seen)).length).toBeLessThanOrEqual(5500 - (35 - tools.length) * 75);
    expect(encode(JSON.stringify({ tools: list })).length).toBeLessThanOrEqual(listBudget(tools.length));
  });
});
