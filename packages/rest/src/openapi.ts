import type { Operation } from "@org/scheduler-contract";
import { errorCodes, operations } from "@org/scheduler-contract";
import { keyField, takesKey } from "./idempotency-key.ts";
import type { JsonSchema } from "./openapi-schemas.ts";
import { nameSchemas } from "./openapi-schemas.ts";
import { takesQuery } from "./read-input.ts";

let document: Record<string, unknown> | undefined;

/** The OpenAPI 3.1 document of the REST face, generated from the operations. */
export function openApiDocument(): Record<string, unknown> {
  return (document ??= generate(Object.values<Operation>(operations)));
}

function generate(all: Operation[]): Record<string, unknown> {
  const { schemas, inputId, outputId } = nameSchemas(all);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of all) {
    const { method, path } = operation.http;
    const input = splitInput(operation, schemas[inputId(operation)]!);
    // Input that is spread over parameters is no schema of its own; a body is, without the path's fields.
    if (input.body) schemas[inputId(operation)] = input.body;
    else delete schemas[inputId(operation)];
    (paths[path] ??= {})[method.toLowerCase()] = {
      ...heading(operation),
      ...(input.parameters.length > 0 ? { parameters: input.parameters } : {}),
      ...(input.body ? { requestBody: requestBody(operation, inputId(operation), input.body) } : {}),
      responses: responses(operation, outputId(operation)),
    };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "HTTP job scheduler",
      version: "1",
      description: "Create jobs that send HTTP requests at the right moment, and see what became of each.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    tags: [...new Set(all.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...schemas, Problem: problem },
      responses: { Problem: problemResponse },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function heading(operation: Operation): object {
  const { name, title, description } = operation;
  const open = operation.access === "public" ? { security: [] } : {};
  return { operationId: name, summary: title, description, tags: [tagOf(operation)], ...open };
}

/** The noun: the first part of the path. */
function tagOf(operation: Operation): string {
  return operation.http.path.split("/")[2]!;
}

/** An operation's input as HTTP carries it. */
function splitInput(operation: Operation, input: JsonSchema): { parameters: object[]; body?: JsonSchema } {
  const fields = Object.entries(input.properties ?? {}) as [string, JsonSchema][];
  const inPath = (field: string) => operation.http.path.includes(`{${field}}`);
  const parameters = fields.flatMap(([name, schema]): object[] => {
    if (name === keyField) return [{ name: "Idempotency-Key", in: "header", schema }];
    return inPath(name) ? [{ name, in: "path", required: true, schema }] : [];
  });
  const rest = fields.filter(([field]) => !inPath(field) && field !== keyField);
  const required = (input.required ?? []).filter((field) => !inPath(field));
  if (takesQuery(operation)) {
    const query = rest.map(([name, schema]) => queryParameter(name, schema, required.includes(name)));
    return { parameters: [...parameters, ...query] };
  }
  if (rest.length === 0) return { parameters };
  const body: JsonSchema = { ...input, properties: Object.fromEntries(rest), required };
  if (required.length === 0) delete body.required;
  return { parameters, body };
}

function queryParameter(name: string, schema: JsonSchema, required: boolean): object {
  const style = schema.type === "object" ? { style: "deepObject", explode: true } : {};
  return { name, in: "query", required, schema, ...style };
}

function requestBody({ http }: Operation, id: string, body: JsonSchema): object {
  const json = { "application/json": { schema: reference(id) } };
  // A body may be the whole of one field, as it is written in a file.
  const yaml = http.wholeBody === undefined ? {} : { "application/yaml": { schema: { type: "string" } } };
  return { required: body.required !== undefined, content: { ...json, ...yaml } };
}

function responses(operation: Operation, outputId: string): object {
  const success = {
    description: operation.title,
    content: { "application/json": { schema: reference(outputId) } },
    ...(takesKey(operation) && { headers: { "Idempotent-Replayed": replayed } }),
  };
  return {
    [String(operation.http.status ?? 200)]: success,
    ...("dry_run" in operation.input.shape && { "200": success }),
    default: { $ref: "#/components/responses/Problem" },
  };
}

const replayed = {
  description: "true where this is the answer to an earlier request with the same Idempotency-Key",
  schema: { type: "string" },
};

function reference(id: string): object {
  return { $ref: `#/components/schemas/${id}` };
}

const problem: JsonSchema = {
  type: "object",
  description: "RFC 9457. hint says what to do next.",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", enum: Object.keys(errorCodes) },
    hint: { type: "string" },
    field: { type: "string" },
    retry_after_seconds: { type: "number" },
    request_id: { type: "string" },
  },
  required: ["type", "title", "status", "detail", "code", "hint", "request_id"],
};

const problemResponse = {
  description: "What went wrong, and what to do next",
  headers: {
    "X-Request-Id": { description: "Names this request in the server's log", schema: { type: "string" } },
    "Retry-After": { description: "Seconds, where waiting helps", schema: { type: "integer" } },
    "WWW-Authenticate": { description: "With status 401", schema: { type: "string" } },
  },
  content: { "application/problem+json": { schema: reference("Problem") } },
};
