import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type ChannelType, channelTypes } from "@org/scheduler-contract";
import type { ChannelConfig } from "../../channels/config.ts";
import { unsent } from "../../sending/unsent.ts";
import { type Notice, plainNotice } from "../notice.ts";
import { kinds } from "./index.ts";
import type { ChannelKind } from "./kind.ts";

// What holds for every kind of channel, also for one that is added tomorrow: whatever comes in, the service takes it, and
// it is only text there.

const configs: Record<ChannelType, ChannelConfig> = {
  webhook: { url: "https://a.example/hook" },
  email: { email: "ops@example.com" },
  slack: { url: "https://hooks.slack.com/services/T/B/x" },
  discord: { url: "https://discord.com/api/webhooks/1/x" },
  telegram: { bot_token: `123456789:${"A".repeat(35)}`, chat_id: "-100123" },
};

const notice = (text: string): Notice =>
  plainNotice({ tone: "bad", title: text, lines: [`Why: ${text}`, text, text], footer: text });

/** What is sent of a notice, as its service gets it. */
function sentBy(type: ChannelType, of: Notice): Record<string, unknown> {
  const kind: ChannelKind = kinds[type];
  const telling = { notice: of, config: configs[type], payload: { text: of.title, lines: of.lines } };
  return "mail" in kind ? { ...kind.mail(telling) } : (kind.request(telling).body as Record<string, unknown>);
}

/** The limits that each service documents. */
const withinLimits: Record<ChannelType, (sent: never) => void> = {
  webhook: () => {},
  email({ subject, text, html }: { subject: string; text: string; html: string }) {
    expect(subject.length).toBeLessThanOrEqual(200);
    expect(subject).not.toMatch(/[\r\n\0]/);
    expect(text.length + html.length).toBeLessThan(200_000);
  },
  slack({
    text,
    blocks,
  }: {
    text: string;
    blocks: { type: string; text?: { text: string }; elements?: { text: string }[] }[];
  }) {
    expect(text.length).toBeLessThanOrEqual(40_000);
    expect(blocks.length).toBeLessThanOrEqual(50);
    for (const { type, text: said, elements = [] } of blocks) {
      const most = type === "header" ? 150 : 3000;
      expect(elements.length).toBeLessThanOrEqual(10);
      for (const one of [...(said ? [said] : []), ...elements]) {
        expect(one).toMatchObject({ type: "plain_text" });
        expect(one.text.length).toBeGreaterThan(0);
        expect(one.text.length).toBeLessThanOrEqual(most);
      }
    }
  },
  discord({ embeds, allowed_mentions }: { embeds: Record<string, unknown>[]; allowed_mentions: object }) {
    expect(allowed_mentions).toEqual({ parse: [] });
    expect(embeds.length).toBeLessThanOrEqual(10);
    const { title, description, footer } = embeds[0] as {
      title: string;
      description: string;
      footer?: { text: string };
    };
    expect(title.length).toBeLessThanOrEqual(256);
    expect(description.length).toBeLessThanOrEqual(4096);
    expect(footer?.text.length ?? 0).toBeLessThanOrEqual(2048);
    expect(title.length + description.length + (footer?.text.length ?? 0)).toBeLessThanOrEqual(6000);
  },
  telegram(sent: { text: string }) {
    expect(sent.text.length).toBeLessThanOrEqual(4096);
    expect(sent).not.toHaveProperty("parse_mode");
  },
};

const hostile = [
  "@everyone @here <!channel> <!here> <@U123456> <#C123> @someone",
  "*bold* _italic_ ~gone~ `code` ```block``` > quote # title [link](https://evil.example) ||spoiler|| <https://evil.example|click>",
  "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt; \"quotes\" 'single'",
  "Subject line\r\nBcc: victim@example.com\r\n\r\nA new body",
  "\u0000\u0007\u001b[31mred\u2028\u2029 \u202Ereversed",
  "😀".repeat(3000),
  "&".repeat(5000),
  "<".repeat(10_000),
  "\\".repeat(9000),
  "*".repeat(9000),
  `${"x".repeat(148)}😀 tail`,
  "\ud83d half a character",
  "word ".repeat(20_000),
];

describe.each(channelTypes)("%s", (type) => {
  test.each(hostile.map((text) => [text.slice(0, 40), text]))("takes %j", (_, text) => {
    const sent = sentBy(type, notice(text));
    withinLimits[type](sent as never);
    expect(JSON.stringify(sent).isWellFormed()).toBe(true);
  });

  test("says nothing that anybody is called or misled by", () => {
    const all = hostile.slice(0, 5).join(" ");
    const sent = sentBy(type, notice(all));
    const text = JSON.stringify(sent);
    // A webhook is for programs: texts are data in its JSON.
    if (type === "webhook") return;
    expect(text).not.toMatch(/[\u202a-\u202e]|\\u00[01][0-9a-f]/);
    if (type === "slack") expect(sent["text"]).not.toMatch(/<!channel>|<!here>|<@U123456>/);
    if (type === "email") expect(sent["html"]).not.toMatch(/<script>|<img/);
    // Its footer is no Markdown.
    const markdown = text.replace(/"footer":.*$/, "");
    if (type === "discord") expect(markdown).not.toMatch(/[^\\](<[!@#]|\*bold|\[link|\|\|spoiler|`code)/);
    if (type === "discord" || type === "telegram") expect(text).not.toMatch(/@everyone|@here/);
  });

  test("says what happened, and cuts with a mark", () => {
    const sent = JSON.stringify(sentBy(type, notice("It failed.")));
    expect(sent).toContain("It failed.");
    if (type !== "webhook") expect(JSON.stringify(sentBy(type, notice("y".repeat(50_000))))).toContain("…");
  });

  test("tells a channel that is gone for good from one that has a bad hour", () => {
    const answered = (statusCode: number, body = "") => ({
      ...unsent("mail"),
      status: "succeeded" as const,
      statusCode,
      body,
    });
    const gone: Record<ChannelType, [number, string]> = {
      webhook: [410, ""],
      email: [550, "5.1.1 no such user"],
      slack: [404, "no_service"],
      discord: [404, '{"message": "Unknown Webhook", "code": 10015}'],
      telegram: [403, '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'],
    };
    expect(kinds[type].goneBy(answered(...gone[type]))).toEqual(expect.stringMatching(/\w/));
    for (const status of [200, 400, 404, 429, 500, 502, 503, 421, 451, 452])
      expect(kinds[type].goneBy(answered(status, "<html>busy</html>")), String(status)).toBeUndefined();
    expect(kinds[type].goneBy(unsent("mail"))).toBeUndefined();
  });
});

test("Slack's other ways of being gone", () => {
  const slack = (statusCode: number, body: string) =>
    kinds.slack.goneBy({ ...unsent("mail"), status: "succeeded", statusCode, body });
  for (const error of ["channel_is_archived", "channel_not_found", "invalid_token", "action_prohibited"])
    expect(slack(error === "channel_is_archived" ? 410 : 403, error)).toContain(error);
  expect(slack(400, "invalid_payload")).toBeUndefined();
});

test("a mail is gone for its mailbox, and not for what its server thinks of mails", () => {
  const email = (statusCode: number, error: string) =>
    kinds.email.goneBy({ ...unsent("mail"), status: "succeeded", statusCode, error });
  expect(email(550, "550 5.7.1 Message rejected as spam")).toBeUndefined();
  expect(email(554, "554 5.7.1 blocked using a list")).toBeUndefined();
  expect(email(553, "553 5.1.3 bad address")).toContain("refused");
});

test("a webhook is signed with its own secret, by what the base64 after whsec_ is or by the text itself", () => {
  const key = createHmac("sha256", "x").update("y").digest();
  const signing = (secret?: string) => {
    const kind = kinds.webhook;
    if ("mail" in kind) throw new Error("a webhook is no mail");
    const config = { url: "https://a.example", ...(secret !== undefined && { secret }) };
    return kind.request({ notice: notice(""), config, payload: {} }).signing;
  };
  expect(signing(`whsec_${key.toString("base64")}`)).toEqual([key]);
  expect(signing("a plain secret")).toEqual([Buffer.from("a plain secret")]);
  expect(signing()).toBe("workspace");
});
