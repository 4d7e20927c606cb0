import { simpleParser } from "mailparser";
import type { SMTPServerOptions } from "smtp-server";
import { afterEach, describe, expect, test } from "vitest";
import { startMailServer } from "../testing/mail-server.ts";
import { kinds } from "./channels/index.ts";
import { createMailer, type Mailer } from "./mail.ts";
import { plainNotice } from "./notice.ts";

// A real SMTP server, whose mails are read again by a parser of its own.

const opened: (() => void | PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function mailServer(options?: SMTPServerOptions) {
  const server = await startMailServer(options);
  opened.push(() => server[Symbol.asyncDispose]());
  return server;
}

function mailerTo(port: number, query = ""): Mailer {
  const mailer = createMailer({
    smtpUrl: `smtp://127.0.0.1:${port}/${query}`,
    smtpFrom: "Scheduler <scheduler@example.com>",
  });
  opened.push(() => mailer.close());
  return mailer;
}

function mailOf(text: string) {
  const kind = kinds.email;
  if (!("mail" in kind)) throw new Error("an email is a mail");
  const lines = [`Why: ${text}`, "Next: tomorrow"];
  const notice = plainNotice({ tone: "bad", title: text, lines, footer: "Look closer" });
  return kind.mail({ notice, config: { email: "ops@example.com" }, payload: {} });
}

describe("a mail", () => {
  test("arrives in HTML and as text, from whom and to whom it should", async () => {
    const { port, received } = await mailServer();
    const answer = await mailerTo(port).send(mailOf("❌ “nightly” failed"));
    expect(answer).toMatchObject({
      status: "succeeded",
      statusCode: 250,
      body: expect.stringContaining("taken"),
    });
    expect(received).toMatchObject([{ from: "scheduler@example.com", to: ["ops@example.com"] }]);
    const mail = await simpleParser(received[0]!.raw);
    expect(mail.subject).toBe("❌ “nightly” failed");
    expect(mail.from?.text).toBe('"Scheduler" <scheduler@example.com>');
    expect(mail.text).toMatch(/“nightly” failed[\s\S]*Why: [\s\S]*Next: tomorrow[\s\S]*Look closer/);
    expect(mail.html).toContain("<h1");
    expect(mail.headers.get("auto-submitted")).toBe("auto-generated");
  });

  test("has no header, recipient or markup that a text brings along", async () => {
    const { port, received } = await mailServer();
    const text =
      'evil\r\nBcc: victim@example.com\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script> "><img src=x>';
    await mailerTo(port).send(mailOf(text));
    expect(received[0]!.to).toEqual(["ops@example.com"]);
    const mail = await simpleParser(received[0]!.raw);
    expect([...mail.headers.keys()]).not.toEqual(expect.arrayContaining(["x-evil"]));
    expect(mail.bcc).toBeUndefined();
    expect(mail.html).not.toMatch(/<script|<img/);
    expect(mail.html).toContain("&lt;script&gt;");
  });

  test("to a recipient that the server refuses has its answer, and the channel is gone", async () => {
    const { port } = await mailServer({
      onRcptTo: (_, __, done) => done(Object.assign(new Error("5.1.1 no such user"), { responseCode: 550 })),
    });
    const answer = await mailerTo(port).send(mailOf("x"));
    expect(answer).toMatchObject({ statusCode: 550, error: expect.stringContaining("no such user") });
    expect(kinds.email.goneBy(answer)).toContain("refused");
  });

  test("that the server does not want now is tried again", async () => {
    const { port } = await mailServer({
      onMailFrom: (_, __, done) => done(Object.assign(new Error("4.7.0 try later"), { responseCode: 451 })),
    });
    const answer = await mailerTo(port).send(mailOf("x"));
    expect(answer).toMatchObject({ statusCode: 451 });
    expect(kinds.email.goneBy(answer)).toBeUndefined();
  });

  test("goes over STARTTLS where the server has it, and not to one whose certificate is nobody's", async () => {
    const { port, received } = await mailServer({ disabledCommands: [] });
    const refused = await mailerTo(port).send(mailOf("x"));
    expect(refused).toMatchObject({ status: "connection_error", statusCode: null });
    expect(received).toEqual([]);
    await mailerTo(port, "?tls.rejectUnauthorized=false").send(mailOf("x"));
    expect(received).toMatchObject([{ secure: true }]);
  });

  test("without a server is an answer, too", async () => {
    const answer = await mailerTo(9).send(mailOf("x"));
    expect(answer).toMatchObject({ status: "connection_error", errorCode: "connection" });
  });
});
