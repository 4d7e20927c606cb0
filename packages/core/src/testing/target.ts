import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it arrived. */
export interface Arrival {
  /** Milliseconds since the epoch, by this machine's clock. */
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export type Answerer = (
  arrival: Arrival,
  response: ServerResponse,
  request: IncomingMessage,
) => void | Promise<void>;

/** A real HTTP target on loopback that keeps what arrived. */
export interface Target {
  url: string;
  arrivals: Arrival[];
  /** How to answer from now on; 200 with "ok" until told. */
  answer(how: Answerer | number): void;
  /** Resolves when this many requests have arrived. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const arrivals: Arrival[] = [];
  let answerer: Answerer = withStatus(200);
  let onArrival = (): void => {};
  const server = createServer((request, response) => {
    const at = Date.now();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const arrival = { at, method, path, headers, body: Buffer.concat(chunks).toString() };
      arrivals.push(arrival);
      onArrival();
      void answerer(arrival, response, request);
    });
  });
  // The sender lets go of idle connections first: one that its target closes just then looks like a failed attempt.
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    answer(how) {
      answerer = typeof how === "number" ? withStatus(how) : how;
    },
    arrived: (count) =>
      new Promise((resolve) => {
        onArrival = () => {
          if (arrivals.length >= count) resolve();
        };
        onArrival();
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function withStatus(status: number): Answerer {
  return (_, response) => void response.writeHead(status, { "content-type": "text/plain" }).end("ok");
}
