import { type ChannelConfig, openConfig } from "../channels/config.ts";
import type { Cipher } from "../encryption/cipher.ts";
import { toPublicId } from "../ids.ts";
import { countOf } from "../rules/rule.ts";
import { hide, type Hidden } from "../secrets/hidden.ts";
import type { Message } from "../sending/outgoing.ts";
import { payloadOf, timeoutMs } from "./callback.ts";
import { kinds } from "./channels/index.ts";
import type { ChannelKind, MailMessage } from "./channels/kind.ts";
import { type Notice, noticeOf, noticeOfMany, noticeOfTest, plainNotice } from "./notice.ts";
import type { AboutExecution, Told } from "./deliver.sql.ts";

/** A delivery to a channel that is still there. */
export type ToChannel = Told & {
  channel_id: string;
  channel_name: string;
  type: keyof typeof kinds;
  sealed: Buffer;
};

/** What goes to a channel, ready to be sent. */
export interface Notification {
  kind: ChannelKind;
  channelId: string;
  /** What must not be seen of how the channel is reached. */
  hidden: Hidden[];
  sent: { message: Message; signing: Buffer[] | "workspace" } | { mail: MailMessage };
}

/** Composes what a delivery tells its channel. `about` is what there is to tell of its execution. Throws DecryptionError. */
export function notificationTo(
  delivery: ToChannel,
  {
    number,
    about,
    cipher,
  }: { number: number; about: AboutExecution | undefined; cipher: Cipher | undefined },
): Notification {
  const kind = kinds[delivery.type];
  const { channel_id: channelId, scope_id, sealed } = delivery;
  const config = openConfig({ scope_id, id: channelId, sealed }, cipher);
  const hidden = hiddenOf(config);
  const notice = plainNotice(noticeFor(delivery, about));
  const telling = { notice, config, payload: payloadFor(delivery, notice, about) };
  if ("mail" in kind) return { kind, channelId, hidden, sent: { mail: kind.mail(telling) } };
  const { url, headers, body, signing } = kind.request(telling);
  const message = {
    deliveryId: toPublicId("dlv", delivery.id),
    attempt: number,
    jobId: delivery.job_id === null ? null : toPublicId("job", delivery.job_id),
    scheduledFor: about?.execution.scheduled_for ?? delivery.created_at,
    method: "POST",
    url,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    hidden,
    timeoutMs,
    followRedirects: false,
  };
  return { kind, channelId, hidden, sent: { message, signing } };
}

/** Shorter parts are found in anything. */
const shortestHidden = 6;

/** How a channel is reached is never shown. Of a URL, that is all but its host. */
function hiddenOf({ url, ...config }: ChannelConfig): Hidden[] {
  const path = url === undefined ? {} : { url: url.slice(new URL(url).origin.length) };
  return Object.entries({ ...path, ...config })
    .filter(([, value]) => value.length >= shortestHidden)
    .map(([field, value]) => hide(field, value));
}

function noticeFor(delivery: ToChannel, about: AboutExecution | undefined): Notice {
  const { kind, event, about: facts } = delivery;
  if (kind === "test") return noticeOfTest(delivery.channel_name);
  if (facts?.gathered) return noticeOfMany(kind, facts.gathered, delivery.gathers ?? "");
  return noticeOf({ event: event!, about: facts ?? {}, ...about! });
}

/** The same for programs. */
function payloadFor(
  { id, kind, event, about: facts, created_at, channel_id, channel_name }: ToChannel,
  { title, lines }: Notice,
  about: AboutExecution | undefined,
): object {
  const { gathered, ...rest } = facts ?? {};
  return {
    type: event ?? kind,
    id: toPublicId("dlv", id),
    created_at: created_at.toISOString(),
    channel: { id: toPublicId("chan", channel_id), name: channel_name },
    text: [title, ...lines].join("\n"),
    ...(gathered && { count: countOf(gathered), events: gathered }),
    ...rest,
    ...(about && payloadOf(about)),
  };
}
