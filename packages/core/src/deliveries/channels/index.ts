import type { ChannelType } from "@org/scheduler-contract";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import type { ChannelKind } from "./kind.ts";
import { slack } from "./slack.ts";
import { telegram } from "./telegram.ts";
import { webhook } from "./webhook.ts";

/** Every kind of channel by its type. */
export const kinds: Record<ChannelType, ChannelKind> = { webhook, email, slack, discord, telegram };
