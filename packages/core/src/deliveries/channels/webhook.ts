import type { ChannelKind } from "./kind.ts";

/** A URL of one's own, told by the payload for programs, and signed by the Standard Webhooks specification. */
export const webhook: ChannelKind = {
  request: ({ config, payload }) => ({
    url: config.url!,
    body: payload,
    signing: config.secret === undefined ? "workspace" : [keyOf(config.secret)],
  }),
  goneBy: ({ statusCode }) => (statusCode === 410 ? "The receiver answered 410: it is gone." : undefined),
};

/** What the base64 after `whsec_` decodes to, as Standard Webhooks has it; any other text is a key as it is. */
function keyOf(secret: string): Buffer {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  return encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, "base64");
}
