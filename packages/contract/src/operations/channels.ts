import { z } from "zod";
import { operation } from "../operation.ts";
import { deleted, id, instantInput, page, pageInput, waitSeconds } from "../schemas/common.ts";
import { channel, channelConfig, channelTypes } from "../schemas/channel.ts";
import { deliveryStatuses } from "../schemas/delivery.ts";

const concise = ["id", "name", "type"] as const;
const unless = { muted_until: null, disabled_at: null, disabled_reason: null, untold: 0 };
const name = z.string().trim().min(1).max(100);

export const listChannels = operation({
  name: "list_channels",
  title: "List channels",
  description:
    "List notification channels: where alerts go (Slack, email …), and which are muted or disabled.",
  input: z.strictObject({ ...pageInput }),
  output: page(channel),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "GET", path: "/v1/channels" },
  tool: { concise, unless },
});

export const createChannel = operation({
  name: "create_channel",
  title: "Create a channel",
  description:
    "Create a channel for notifications and alerts: Slack, Discord, email, Telegram or a webhook. Then add_rule.",
  input: z.strictObject({ name, type: z.enum(channelTypes), ...channelConfig }),
  output: channel.extend({ notes: z.array(z.string()).optional() }),
  risk: "write",
  access: "any_caller",
  idempotent: false,
  toolset: "notifications",
  http: { method: "POST", path: "/v1/channels", status: 201 },
  tool: { concise: [...concise, "notes"] },
});

export const updateChannel = operation({
  name: "update_channel",
  title: "Update a channel",
  description:
    "Change a channel: its name, how it is reached, until when it is muted. A disabled one is enabled by disabled: false, or by a new way to reach it.",
  input: z.strictObject({
    channel_id: id,
    name: name.optional(),
    ...channelConfig,
    muted_until: instantInput.nullable().optional(),
    disabled: z.boolean().optional(),
  }),
  output: channel,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "PATCH", path: "/v1/channels/{channel_id}" },
});

export const deleteChannel = operation({
  name: "delete_channel",
  title: "Delete a channel",
  description: "Delete a notification channel with its rules.",
  input: z.strictObject({ channel_id: id }),
  output: deleted.extend({ name: z.string(), rules: z.int() }),
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "DELETE", path: "/v1/channels/{channel_id}" },
  tool: { concise: ["deleted", "id", "name", "rules"] },
});

export const testChannel = operation({
  name: "test_channel",
  title: "Test a channel",
  description: "Send a test message to a channel; answers what came back.",
  input: z.strictObject({ channel_id: id, wait_seconds: waitSeconds.default(20) }),
  output: z.object({
    channel_id: z.string(),
    delivery_id: z.string(),
    status: z.enum(deliveryStatuses),
    status_code: z.int().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    /** The first of what the service answered: untrusted text. */
    answer: z.string().nullable(),
    advice: z.string(),
  }),
  risk: "execute",
  access: "any_caller",
  idempotent: false,
  toolset: "notifications",
  http: { method: "POST", path: "/v1/channels/{channel_id}/test" },
  tool: {
    concise: ["delivery_id", "status", "status_code", "error", "answer", "advice"],
  },
});
