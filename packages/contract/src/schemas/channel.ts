import { z } from "zod";
import { instant } from "./common.ts";
import { targetUrl } from "./request.ts";

export const channelTypes = ["webhook", "email", "slack", "discord", "telegram"] as const;
export type ChannelType = (typeof channelTypes)[number];

/** How a channel is reached; which of these a type needs, the scheduler says. Encrypted, and never shown again. */
export const channelConfig = {
  url: targetUrl.optional().describe("of webhook, slack, discord"),
  email: z.email({ error: "expected an address such as ops@example.com" }).max(254).optional(),
  secret: z.string().min(8).max(500).optional().describe("signs a webhook"),
  bot_token: z
    .string()
    .regex(/^\d{1,20}:[A-Za-z0-9_-]{20,100}$/, "expected the token that BotFather gave")
    .optional(),
  chat_id: z
    .string()
    .regex(/^(-?\d{1,20}|@[A-Za-z0-9_]{1,64})$/, "expected a number or @channelname")
    .optional(),
};

/** Where somebody is told of what happens to jobs. */
export const channel = z.object({
  id: z.string(),
  name: z.string(),
  type: z.enum(channelTypes),
  /** Until then what it would be told is counted. */
  muted_until: instant.nullable(),
  /** Since then nothing is sent: the service said for good that it is gone, or somebody switched it off. */
  disabled_at: instant.nullable(),
  disabled_reason: z.string().nullable(),
  /** What it was not told since then. */
  untold: z.int(),
  created_by: z.string(),
  created_at: instant,
  updated_at: instant,
});
export type Channel = z.infer<typeof channel>;
