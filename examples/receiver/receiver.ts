import { SignatureError, verifySignature } from "@org/scheduler-client";
import { createServer, type RequestListener, type Server } from "node:http";
import { buffer } from "node:stream/consumers";

export function createReceiver(secrets: string[], handle: (body: string) => Promise<void>): Server {
  const done = new Set<string>(); // where there are several processes, or restarts: a table with a unique key
  const receive = async (...[request, response]: Parameters<RequestListener>): Promise<void> => {
    try {
      const { headers, method = "", url: path = "" } = request;
      const body = await buffer(request); // the bytes as they came
      const { deliveryId } = verifySignature({ headers, method, path, body }, secrets);
      if (!done.has(deliveryId)) await handle(body.toString()); // the same id on every attempt
      done.add(deliveryId);
      response.end();
    } catch (error) {
      response.writeHead(error instanceof SignatureError ? 401 : 503).end();
    }
  };
  return createServer((request, response) => void receive(request, response));
}
