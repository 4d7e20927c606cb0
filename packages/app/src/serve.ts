import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { refuseConnection, refuseExpectation, withSoundHeaders } from "@org/scheduler-http";

export interface Served {
  url: string;
  /** Takes no new connection and lets requests under way finish, for a short while. */
  stop(): Promise<void>;
}

const finishWithinMs = 3000;

/** Listens; with port 0 on any free one. */
export async function serve(
  listener: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<Served> {
  // Without requireHostHeader, it is our own listener that refuses a request without Host, and says what to do.
  const settings = { requestTimeout: 30_000, headersTimeout: 15_000, requireHostHeader: false };
  const server = createServer(settings, withSoundHeaders(listener));
  server.on("clientError", refuseConnection);
  server.on("checkExpectation", refuseExpectation);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(host)}:${bound}`,
    stop: () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), finishWithinMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** An address that a client on this machine can use. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
