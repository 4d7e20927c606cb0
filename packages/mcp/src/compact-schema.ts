/** As much of JSON Schema as tools are described with. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
}

/**
 * An input schema as a model needs it: names, types, choices, defaults and the limits it might meet. What else the
 * strict schema says (lengths, patterns, unions of shapes) is left to the check, whose error tells it with a hint.
 *
 * Each node has one type, and no choice is null: some models' providers, and some clients, refuse all tools for one that
 * has more. What takes several types is told as text, which is read as what it stands for.
 */
export function compactInput(schema: JsonSchema, depth = 0): JsonSchema {
  const { description, default: preset, ...rest } = schema;
  const node = oneType(rest);
  const compact: JsonSchema = { type: node.type! };
  if (description) compact.description = description;
  if (node.enum) compact.enum = node.enum;
  if (node.format) compact.format = node.format;
  if (depth === 1 && node.maximum !== undefined && node.maximum <= 1000) compact.maximum = node.maximum;
  if (node.properties) compact.properties = compactProperties(node.properties, depth);
  if (node.required?.length) compact.required = node.required;
  if (node.items) compact.items = compactInput(node.items, depth + 1);
  // At the top, a provider refuses it.
  if (depth > 0 && typeof node.additionalProperties === "object")
    compact.additionalProperties = compactInput(node.additionalProperties, depth + 1);
  // Whatever is left out is false, unless told.
  if (preset !== undefined && preset !== false) compact.default = preset;
  return compact;
}

/** What a value may be besides null. */
export function choicesOf({ anyOf, ...schema }: JsonSchema): JsonSchema[] {
  return (anyOf ?? [schema]).filter(({ type }) => type !== "null");
}

function oneType(schema: JsonSchema): JsonSchema {
  const [only, ...others] = choicesOf(schema);
  return only === undefined || others.length > 0 || typeof only.type !== "string" ? { type: "string" } : only;
}

/** Few models see an output schema: it names the first of what each answer has, and of a list the frame. */
const mostNamed = 2;

/** An output schema as small as it is useful: what each answer has and is never null. Others come with it. */
export function compactOutput(schema: JsonSchema, concise: readonly string[], isPage: boolean): JsonSchema {
  if (isPage) return pageSchema;
  const { properties = {}, required = [] } = schema;
  const isAlways = (name: string) => required.includes(name) && typeof properties[name]?.type === "string";
  const always = concise.filter(isAlways).slice(0, mostNamed);
  const fields = always.map((name) => [name, typeOnly(properties[name]!)]);
  return {
    type: "object",
    properties: Object.fromEntries(fields) as Record<string, JsonSchema>,
    required: always,
  };
}

const pageSchema: JsonSchema = {
  type: "object",
  properties: { data: { type: "array", items: { type: "object" } }, has_more: { type: "boolean" } },
  required: ["data", "has_more"],
};

function typeOnly({ type, items }: JsonSchema): JsonSchema {
  return { type: type!, ...(items && { items: { type: oneType(items).type! } }) };
}

function compactProperties(
  properties: Record<string, JsonSchema>,
  depth: number,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, compactInput(property, depth + 1)]),
  );
}
