import type { ChannelConfig } from "../../channels/config.ts";
import type { Answer } from "../../sending/answer.ts";
import type { Notice } from "../notice.ts";

/** What is told, and to which channel. */
interface Telling {
  notice: Notice;
  config: ChannelConfig;
  /** The same for programs. */
  payload: object;
}

/** A message as a request. `signing` has the keys that sign it; the workspace's sign it where there are none. */
interface HttpMessage {
  url: string;
  headers?: Record<string, string>;
  body: object;
  signing: Buffer[] | "workspace";
}

/** A message as a mail. */
export interface MailMessage {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/**
 * One kind of channel. Texts in a notice may come from anybody, and are one line each: a kind escapes them for its service
 * and cuts them to what that takes, with a mark, so that no message is refused for what is in it.
 */
export type ChannelKind = {
  /** What a service says when a channel is gone for good, in words; undefined for whatever may pass. */
  goneBy(answer: Answer): string | undefined;
} & ({ request(telling: Telling): HttpMessage } | { mail(telling: Telling): MailMessage });
