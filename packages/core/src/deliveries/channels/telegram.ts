import type { ChannelKind } from "./kind.ts";
import { cut, withoutMentions } from "./text.ts";

/** Of sendMessage: https://core.telegram.org/bots/api#sendmessage. */
const longest = 4096;
const api = "https://api.telegram.org";

/** A chat of a Telegram bot. Without a parse mode, text is only text. */
export const telegram: ChannelKind = {
  request: ({ config, notice: { title, lines, footer } }) => ({
    url: `${(config.url ?? api).replace(/\/+$/, "")}/bot${config.bot_token}/sendMessage`,
    body: {
      chat_id: config.chat_id,
      text: cut(withoutMentions([title, ...lines, footer].filter(Boolean).join("\n")), longest),
      link_preview_options: { is_disabled: true },
    },
    signing: [],
  }),
  goneBy({ statusCode, body }) {
    if (statusCode === 401 || (statusCode === 404 && /"Not Found"/.test(body ?? "")))
      return "Telegram does not know the bot's token.";
    const [reason] =
      /chat not found|bot was (?:kicked|blocked)[^"]*|user is deactivated|group chat was (?:deleted|deactivated)|not enough rights[^"]*|have no rights[^"]*/i.exec(
        body ?? "",
      ) ?? [];
    const isRefused = statusCode === 400 || statusCode === 403;
    return isRefused && reason !== undefined
      ? `Telegram answered ${statusCode}: ${reason.slice(0, 100)}.`
      : undefined;
  },
};
