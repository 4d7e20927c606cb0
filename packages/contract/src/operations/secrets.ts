import { z } from "zod";
import { operation } from "../operation.ts";
import { deleted, id, page, pageInput } from "../schemas/common.ts";
import { secret, secretName } from "../schemas/secret.ts";

const concise = ["id", "name", "updated_at"] as const;

export const listSecrets = operation({
  name: "list_secrets",
  title: "List secrets",
  description: "List secrets by name; their values are never shown.",
  input: z.strictObject({ ...pageInput }),
  output: page(secret),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "secrets",
  http: { method: "GET", path: "/v1/secrets" },
  tool: { concise },
});

export const createSecret = operation({
  name: "create_secret",
  title: "Create a secret",
  description:
    "Store an API key, token or password, encrypted. Jobs name it as secret://name in header values and bodies.",
  input: z.strictObject({
    name: secretName,
    value: z.string().min(1).max(16_384),
    replace: z.boolean().default(false).describe("the value of this name"),
  }),
  output: secret.extend({ notes: z.array(z.string()).optional() }),
  risk: "write",
  access: "any_caller",
  idempotent: false,
  toolset: "secrets",
  http: { method: "POST", path: "/v1/secrets", status: 201 },
  tool: { concise: [...concise, "notes"] },
});

export const deleteSecret = operation({
  name: "delete_secret",
  title: "Delete a secret",
  description: "Delete a secret. Refused while jobs use it, unless force: their requests fail then.",
  input: z.strictObject({ secret_id: id, force: z.boolean().default(false) }),
  output: deleted.extend({ name: z.string() }),
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "secrets",
  http: { method: "DELETE", path: "/v1/secrets/{secret_id}" },
  tool: { concise: ["deleted", "id", "name"] },
});
