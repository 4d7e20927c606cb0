/** As much of JSON Schema as tools are described with. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  format?: string;
  maximum?: number;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: unknown;
  anyOf?: JsonSchema[];
}

/**
 * An input schema as a model needs it: names, types, choices, defaults and the limits it might meet. What else the
 * strict schema says (lengths, patterns, unions of shapes) is left to the check, whose error tells it with a hint.
 */
export function compactInput(schema: JsonSchema, depth = 0): JsonSchema {
  const { type, anyOf, description, format, maximum, properties, required, items } = schema;
  if (anyOf) return { ...compactUnion(anyOf, depth), ...(description && { description }) };
  const compact: JsonSchema = {};
  if (type) compact.type = type;
  if (description) compact.description = description;
  if (schema.enum) compact.enum = schema.enum;
  if (format) compact.format = format;
  if (depth === 1 && maximum !== undefined && maximum <= 1000) compact.maximum = maximum;
  if (properties) compact.properties = compactProperties(properties, depth);
  if (required) compact.required = required;
  if (items) compact.items = compactItems(compactInput(items, depth + 1));
  if (depth === 0 && schema.additionalProperties === false) compact.additionalProperties = false;
  if (schema.default !== undefined) compact.default = schema.default;
  return compact;
}

/** An output schema as small as it is useful: which fields are always there. Others may come with them. */
export function compactOutput(concise: readonly string[], isPage: boolean): JsonSchema {
  const fields = { required: [...concise] };
  if (!isPage) return { type: "object", ...fields };
  return {
    type: "object",
    properties: { data: { type: "array", items: fields } },
    required: ["data", "next_cursor", "has_more"],
  };
}

/** One real choice beside null stays itself and takes null in; several are told by their types alone. */
function compactUnion(choices: JsonSchema[], depth: number): JsonSchema {
  const members = choices.map((choice) => compactInput(choice, depth));
  if (members.some((member) => !member.type)) return {};
  const types = [...new Set(members.flatMap((member) => member.type!))];
  const type = types.length === 1 ? types[0]! : types;
  const [only, ...others] = members.filter((member) => member.type !== "null");
  if (only && others.length === 0) {
    const nullable = members.length > 1 && only.enum;
    return { ...only, type, ...(nullable && { enum: [...only.enum!, null] }) };
  }
  return types.includes("array") ? { type, items: {} } : { type };
}

/** Some models' providers refuse an array without items, however little they say. */
function compactItems(items: JsonSchema): JsonSchema {
  return typeof items.type === "string" ? items : {};
}

function compactProperties(
  properties: Record<string, JsonSchema>,
  depth: number,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, compactInput(property, depth + 1)]),
  );
}
