import { operations } from "@org/scheduler-contract";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { openApiDocument } from "./openapi.ts";

interface Described {
  operationId: string;
  parameters?: { name: string; in: string; schema: object; style?: string }[];
  requestBody?: { required: boolean; content: object };
  responses: Record<string, object>;
  security?: object[];
}

interface Document {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, { properties?: Record<string, object>; required?: string[] }> };
}

function setup(): Document {
  return structuredClone(openApiDocument()) as unknown as Document;
}

test("is a valid OpenAPI 3.1 document whose references all lead somewhere", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(openApiDocument()));
  expect(result.errors).toBeUndefined();
  expect(validator.version).toBe("3.1");
  expect(() => validator.resolveRefs()).not.toThrow();
  const { components } = setup();
  for (const [, group, name] of JSON.stringify(openApiDocument()).matchAll(
    /"#\/components\/(\w+)\/(.+?)"/g,
  )) {
    expect((components as Record<string, object>)[group!]).toHaveProperty([name!]);
  }
});

test("has every operation at its method and path, with its whole input", () => {
  const { paths, components } = setup();
  for (const operation of Object.values(operations)) {
    const { method, path } = operation.http;
    const described = paths[path]?.[method.toLowerCase()];
    expect(described?.operationId).toBe(operation.name);
    const body = components.schemas[inputName(described!)]?.properties ?? {};
    const parameters = (described!.parameters ?? []).map(({ name }) =>
      name === "Idempotency-Key" ? "idempotency_key" : name,
    );
    expect([...parameters, ...Object.keys(body)].sort()).toEqual(Object.keys(operation.input.shape).sort());
  }
});

function inputName({ requestBody }: Described): string {
  return /schemas\/(\w+)/.exec(JSON.stringify(requestBody ?? {}))?.[1] ?? "";
}

test("has the status of a dry run where there can be one", () => {
  const { paths } = setup();
  const statuses = (path: string) => Object.keys(paths[path]!["post"]!.responses);
  expect(statuses("/v1/jobs")).toEqual(["200", "201", "default"]);
  expect(statuses("/v1/jobs/batch")).toEqual(["201", "default"]);
});

test("shares what operations share, and says how metadata is filtered", () => {
  const { paths, components } = setup();
  const job = { $ref: "#/components/schemas/Job" };
  expect(paths["/v1/jobs/{job_id}"]!["get"]!.responses["200"]).toMatchObject({
    content: { "application/json": { schema: job } },
  });
  expect(components.schemas["ListJobsOutput"]!.properties!["data"]).toEqual({ type: "array", items: job });
  expect(components.schemas["UpdateJobInput"]).not.toHaveProperty("required");
  const filters = paths["/v1/jobs"]!["get"]!.parameters!;
  expect(filters.find(({ name }) => name === "metadata")).toMatchObject({ in: "query", style: "deepObject" });
  expect(paths["/v1/auth/login"]!["post"]!.security).toEqual([]);
});
