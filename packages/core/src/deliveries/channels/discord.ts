import type { ChannelKind } from "./kind.ts";
import { cut, withoutMentions } from "./text.ts";

/** Of embeds: https://docs.discord.com/developers/resources/message#embed-object-embed-limits. All texts together: 6000. */
const limits = { title: 256, description: 4096, footer: 1000 };

const colors = { bad: 0xd64545, good: 0x3a9b57, warning: 0xd9a521, neutral: 0x6b7280 };

/** A webhook of Discord. */
export const discord: ChannelKind = {
  request: ({ config, notice: { title, lines, footer, tone } }) => ({
    url: config.url!,
    body: {
      embeds: [
        {
          title: escaped(title, limits.title),
          description: escaped(lines.join("\n"), limits.description),
          color: colors[tone],
          // A footer is shown as it is.
          ...(footer !== "" && { footer: { text: cut(withoutMentions(footer), limits.footer) } }),
        },
      ],
      allowed_mentions: { parse: [] },
    },
    signing: [],
  }),
  goneBy({ statusCode, body }) {
    // 10015: Unknown Webhook. A proxy's own 404 says nothing of Discord.
    if (statusCode === 404 && /"code":\s*10015\b/.test(body ?? ""))
      return "Discord knows no such webhook any more.";
    return statusCode === 401 ? "Discord answered 401: the webhook's token is not valid." : undefined;
  },
};

/** Markdown means itself; a backslash that is cut off from its character would escape the mark. */
function escaped(text: string, most: number): string {
  const longer = withoutMentions(text).replace(/[\\*_~`|>#\-[\]()<:]/g, "\\$&");
  return longer.length <= most ? longer : cut(longer, most).replace(/\\+…$/, "…");
}
