import { verifySignature } from "@org/scheduler-client";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { buffer } from "node:stream/consumers";

/** Does what signed requests ask for, each delivery once. There are two secrets while one is changed for the other. */
export function createReceiver(secrets: string[], handle: (body: string) => Promise<void>): Server {
  // In one process's memory. Where there are several, or restarts, it is a table with a unique key.
  const handled = new Map<string, Promise<void>>();

  async function receive(request: IncomingMessage): Promise<number> {
    const { headers, method = "", url: path = "" } = request;
    const body = await buffer(request);
    let deliveryId: string;
    try {
      ({ deliveryId } = verifySignature({ headers, method, path, body }, secrets));
    } catch {
      return 401;
    }
    // The same on every attempt, as Idempotency-Key is; that header alone could be changed without the secret.
    const work = handled.get(deliveryId) ?? handle(body.toString());
    handled.set(deliveryId, work);
    try {
      await work;
      return 200;
    } catch {
      handled.delete(deliveryId);
      return 503;
    }
  }

  return createServer((request, response) => {
    void receive(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  });
}
