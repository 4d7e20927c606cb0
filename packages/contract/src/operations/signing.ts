import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { deleted, id, instant, page, pageInput } from "../schemas/common.ts";

/** Who has a signing secret can write in the scheduler's name, and who deletes it silences the receivers. */
const managingSecrets = {
  kinds: ["user", "system", "service"],
  manages: "signing secrets",
} as const satisfies Access;

const signingSecret = z.object({ id: z.string(), created_by: z.string(), created_at: instant });

export const listSigningSecrets = operation({
  name: "list_signing_secrets",
  title: "List signing secrets",
  description:
    "List the signing secrets that are valid now, newest first. The secrets are never shown again.",
  input: z.strictObject({ ...pageInput }),
  output: page(signingSecret),
  risk: "read",
  access: managingSecrets,
  idempotent: true,
  toolset: "secrets",
  http: { method: "GET", path: "/v1/signing-secrets" },
});

export const createSigningSecret = operation({
  name: "create_signing_secret",
  title: "Create a signing secret",
  description:
    "Create a signing secret and sign every request with it from now on. The answer shows it once. Two may be valid " +
    "at a time: to rotate, create the second, give it to the receivers, delete the first.",
  input: z.strictObject({}),
  output: signingSecret.extend({ secret: z.string() }),
  risk: "write",
  access: managingSecrets,
  idempotent: false,
  toolset: "secrets",
  http: { method: "POST", path: "/v1/signing-secrets", status: 201 },
});

export const deleteSigningSecret = operation({
  name: "delete_signing_secret",
  title: "Delete a signing secret",
  description:
    "Delete a signing secret: no request is signed with it any more. Without any, requests are unsigned.",
  input: z.strictObject({ signing_secret_id: id }),
  output: deleted,
  risk: "destructive",
  access: managingSecrets,
  idempotent: true,
  toolset: "secrets",
  http: { method: "DELETE", path: "/v1/signing-secrets/{signing_secret_id}" },
});
