import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

/** A target that speaks bytes: what HTTP servers refuse to send. */
export interface RawTarget extends AsyncDisposable {
  url: string;
  /** How many requests have arrived. */
  requests(): number;
  connections(): number;
}

/** What to answer each request with, piece by piece; each piece is a packet of its own. Null ends the connection. */
export type Pieces = readonly (string | Buffer | null)[];

export async function startRawTarget(answer: (request: number) => Pieces): Promise<RawTarget> {
  const sockets: Socket[] = [];
  let requests = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      head = "";
      void writePieces(socket, answer(++requests));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests: () => requests,
    connections: () => sockets.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function writePieces(socket: Socket, pieces: Pieces): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    if (piece === null) socket.end();
    else socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    await nextTurn();
  }
}
