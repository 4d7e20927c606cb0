import { createTransport } from "nodemailer";
import type { Answer } from "../sending/answer.ts";
import { unsent } from "../sending/unsent.ts";
import type { MailMessage } from "./channels/kind.ts";

/** Sends mails. */
export interface Mailer {
  /** Never rejects: whatever goes wrong is an answer too, with the code of the mail server's reply as its status. */
  send(mail: MailMessage): Promise<Answer>;
  close(): void;
}

export interface MailSettings {
  /** Such as `smtp://user:password@mail.example.com:587`. */
  smtpUrl: string;
  /** The sender's address. */
  smtpFrom: string;
}

/** A mail server that hangs must not keep a place for longer than any other receiver. */
const timeouts = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 15_000,
  dnsTimeout: 5000,
};

export function createMailer({ smtpUrl, smtpFrom }: MailSettings): Mailer {
  const transport = createTransport(
    { url: smtpUrl, pool: true, maxConnections: 3, ...timeouts },
    { from: smtpFrom },
  );
  return {
    async send({ to, subject, text, html }) {
      const begun = performance.now();
      try {
        const { response } = await transport.sendMail({
          // As an address alone: a text could name more recipients.
          to: { name: "", address: to },
          subject,
          text,
          html,
          disableFileAccess: true,
          disableUrlAccess: true,
          headers: { "Auto-Submitted": "auto-generated" },
        });
        return answerOf({ response, statusCode: codeOf(response), begun });
      } catch (error) {
        return failed(error as SmtpError, begun);
      }
    },
    close: () => transport.close(),
  };
}

/** What nodemailer adds to an error: its own code, and what the server replied. */
interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
}

const codes: Record<string, Answer["errorCode"]> = { EDNS: "dns", ETIMEDOUT: "timeout", ETLS: "tls" };

function failed(error: SmtpError, begun: number): Answer {
  const { responseCode: statusCode, response, code, message } = error;
  if (statusCode !== undefined && response !== undefined)
    return { ...answerOf({ response, statusCode, begun }), error: response };
  return {
    ...unsent("mail"),
    errorCode: codes[code ?? ""] ?? "connection",
    error: message.slice(0, 500),
    latencyMs: performance.now() - begun,
  };
}

function answerOf({
  response,
  statusCode,
  begun,
}: {
  response: string;
  statusCode: number;
  begun: number;
}): Answer {
  return {
    status: "succeeded",
    errorCode: null,
    error: null,
    statusCode,
    latencyMs: performance.now() - begun,
    headers: {},
    body: response.slice(0, 1000),
    encoding: "text",
    truncated: false,
    redirectedTo: null,
    hidden: [],
  };
}

function codeOf(response: string): number {
  return Number(/^\d{3}/.exec(response)?.[0] ?? 250);
}
