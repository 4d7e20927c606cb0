import type { ChannelKind } from "./kind.ts";
import { cut } from "./text.ts";

/** Of incoming webhooks and of Block Kit: https://docs.slack.dev/reference/block-kit/blocks. */
const limits = { header: 150, section: 3000, fallback: 4000 };

/** Errors that no later message will get around: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. */
const gone =
  /no_service|no_active_hooks|channel_not_found|channel_is_archived|invalid_token|action_prohibited|no_team|team_disabled/;

/** An incoming webhook of Slack. In `plain_text`, nothing is markup or a mention. */
export const slack: ChannelKind = {
  request({ config, notice: { title, lines, footer } }) {
    const plain = (text: string, most: number) => ({
      type: "plain_text",
      text: cut(text, most),
      emoji: false,
    });
    const text = lines.join("\n");
    return {
      url: config.url!,
      body: {
        text: escaped([title, ...lines].join("\n"), limits.fallback),
        mrkdwn: false,
        link_names: false,
        parse: "none",
        unfurl_links: false,
        unfurl_media: false,
        blocks: [
          { type: "header", text: plain(title, limits.header) },
          ...(text === "" ? [] : [{ type: "section", text: plain(text, limits.section) }]),
          ...(footer === "" ? [] : [{ type: "context", elements: [plain(footer, limits.section)] }]),
        ],
      },
      signing: [],
    };
  },
  goneBy({ statusCode, body }) {
    if (statusCode === null || statusCode < 400) return undefined;
    const [error] = gone.exec(body ?? "") ?? [];
    return error === undefined ? undefined : `Slack answered ${statusCode}: ${error}.`;
  },
};

/** The fallback is read as markup by some clients; three characters make it one. */
function escaped(text: string, most: number): string {
  const escape: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  const longer = text.replace(/[&<>]/g, (character) => escape[character]!);
  if (longer.length <= most) return longer;
  // Not through an escape.
  return cut(longer, most).replace(/&[a-z]{0,3}…$/, "…");
}
