import { Agent } from "undici";
import type { Range } from "./address-guard.ts";
import type { OutgoingRequest, Sending } from "./answer.ts";
import { attempt } from "./attempt.ts";
import { createConnector } from "./connector.ts";
import { toRecord } from "./record.ts";
import { follow } from "./redirects.ts";
import { createResolver, type ResolverSettings } from "./resolver.ts";

/** Sends outgoing requests, each through the address guard. */
export interface Sender {
  send(request: OutgoingRequest): Sending;
  close(): Promise<void>;
}

/** A sender that may reach public addresses, and private ones within `allowed`, redirects included. */
export function createSender(allowed: Range[], names?: ResolverSettings): Sender {
  const resolver = createResolver(names);
  const connector = createConnector(allowed, resolver);
  const agent = new Agent({
    // While HTTP/2 is possible, one slow handshake holds back every other request to the same host.
    allowH2: false,
    connect: connector.connect,
    // A connection that idles longer may be closed by its server in the moment it is used again, and that would
    // count as a failed attempt.
    keepAliveTimeout: 1000,
    keepAliveMaxTimeout: 10_000,
    // The attempt's own deadline covers everything from the connection on.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const by = { agent, resolver };
  return {
    send(request) {
      const { answer, abort } = request.followRedirects
        ? follow((next) => attempt(by, next), request)
        : attempt(by, request);
      return { answer: answer.then((raw) => toRecord(raw, request.hidden)), abort };
    },
    async close() {
      await agent.destroy();
      connector.close();
      resolver.close();
    },
  };
}
