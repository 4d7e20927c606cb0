import type { Socket } from "node:net";
import { buildConnector } from "undici";
import { assertAllowedHost, guardedLookup, type Range } from "./address-guard.ts";
import { withoutInterim } from "./interim.ts";
import type { Resolver } from "./resolver.ts";

/** Opens connections for outgoing requests, each to an address that the guard lets through. */
export interface Connector {
  connect: buildConnector.connector;
  /** Ends what still connects. */
  close(): void;
}

const connectMs = 10_000;

export function createConnector(allowed: Range[], resolver: Resolver): Connector {
  // Its type hides that it answers with the socket.
  const open = buildConnector({
    lookup: guardedLookup(allowed, resolver),
    allowH2: false,
    timeout: connectMs,
  }) as (...args: Parameters<buildConnector.connector>) => Socket;
  // undici's agent knows nothing of a socket that still connects: closing would leave it to its timeout. A signal would
  // tell it, but keeps something of every socket that it was ever given to.
  const connecting = new Set<Socket>();
  return {
    connect(options, callback) {
      try {
        assertAllowedHost(options.hostname, allowed);
      } catch (error) {
        return callback(error as Error, null);
      }
      const socket = open(options, (...outcome) => {
        connecting.delete(socket);
        const [, connected] = outcome;
        if (connected) withoutInterim(connected);
        callback(...outcome);
      });
      connecting.add(socket);
    },
    close() {
      for (const socket of connecting) socket.destroy(new Error("The worker stopped."));
    },
  };
}
