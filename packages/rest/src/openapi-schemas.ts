import type { Operation } from "@org/scheduler-contract";
import { z } from "zod";

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The JSON Schemas of every operation, each named once; they refer to each other under `#/components/schemas/`. */
interface NamedSchemas {
  schemas: Record<string, JsonSchema>;
  inputId(operation: Operation): string;
  outputId(operation: Operation): string;
}

/** Names and converts what operations take and answer. */
export function nameSchemas(all: Operation[]): NamedSchemas {
  const ids = new Map<z.ZodType, string>();
  const name = (schema: z.ZodType, id: string) => void (ids.has(schema) || ids.set(schema, id));
  for (const operation of all) {
    const row = rowOf(operation.output);
    if (row) name(row, pascalCase(singular(operation.name.replace(/^list_/, ""))));
  }
  for (const operation of all) {
    name(operation.input, `${pascalCase(operation.name)}Input`);
    name(operation.output, `${pascalCase(operation.name)}Output`);
  }
  return {
    schemas: toJsonSchemas(ids),
    inputId: (operation) => ids.get(operation.input)!,
    outputId: (operation) => ids.get(operation.output)!,
  };
}

/** What the rows of a list are. */
function rowOf(output: z.ZodType): z.ZodType | undefined {
  const data = output instanceof z.ZodObject ? output.shape["data"] : undefined;
  return data instanceof z.ZodArray ? (data.element as z.ZodType) : undefined;
}

function toJsonSchemas(ids: Map<z.ZodType, string>): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of ids) registry.add(schema, { id });
  const generated = z.toJSONSchema(registry, {
    // Also for answers: as output, a plain z.object would forbid the fields that later versions add.
    io: "input",
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  // zod keeps recursive parts in a document of its own; they become components like the rest.
  const flat = JSON.stringify(generated.schemas).replaceAll("/__shared#/$defs/", "/");
  const { __shared, ...schemas } = JSON.parse(flat) as Record<string, JsonSchema>;
  for (const schema of Object.values(schemas)) {
    delete schema.$schema;
    delete schema.$id;
  }
  return { ...schemas, ...(__shared?.$defs as Record<string, JsonSchema> | undefined) };
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function singular(noun: string): string {
  return noun.replace(/ies$/, "y").replace(/s$/, "");
}
