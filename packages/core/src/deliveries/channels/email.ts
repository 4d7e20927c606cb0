import { escapeUTF8 } from "entities/escape";
import type { ChannelKind } from "./kind.ts";
import { cut } from "./text.ts";

/** What mail clients show of a subject, and more; and a mail that anybody reads. */
const limits = { subject: 200, body: 20_000 };

const colors = { bad: "#b42318", good: "#067647", warning: "#93370d", neutral: "#344054" };

/** A mail, in HTML and as text. */
export const email: ChannelKind = {
  mail({ config, notice: { title, lines, footer, tone } }) {
    const text = cut([title, "", ...lines, "", footer].join("\n"), limits.body);
    const paragraphs = lines.map((line) => `<p style="margin:0 0 8px">${html(cut(line, 2000))}</p>`);
    return {
      to: config.email!,
      subject: cut(title, limits.subject),
      text,
      html: [
        '<!doctype html><html><body style="font-family:system-ui,sans-serif;color:#101828">',
        `<h1 style="font-size:18px;color:${colors[tone]}">${html(cut(title, limits.subject))}</h1>`,
        ...paragraphs,
        `<p style="color:#667085;font-size:13px">${html(footer)}</p>`,
        "</body></html>",
      ].join("\n"),
    };
  },
  goneBy({ statusCode, error }) {
    // RFC 5321 and RFC 3463: the mailbox is not there, or not for us; other refusals may be about this mail or this hour.
    const isMailbox =
      [550, 551, 553].includes(statusCode ?? 0) && !/5\.7\.\d|spam|policy|blocked/i.test(error ?? "");
    return isMailbox ? `The mail server refused the recipient (${statusCode}).` : undefined;
  },
};

function html(text: string): string {
  return escapeUTF8(text);
}
