import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server that can be cut. */
export interface Proxy extends AsyncDisposable {
  port: number;
  /**
   * From now on nothing gets through and nobody is told, as when a cable is pulled. What is connected when this
   * begins stays cut for good.
   */
  silence(): void;
  /** Lets new connections through again. */
  mend(): void;
}

export async function startProxy(port: number): Promise<Proxy> {
  let silent = false;
  const pairs = new Set<Socket[]>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const pair = [near, far];
    pairs.add(pair);
    forward(near, far);
    forward(far, near);
  });

  function forward(from: Socket, to: Socket): void {
    let cut = silent;
    const isCut = (): boolean => (cut ||= silent);
    from.on("data", (chunk) => void (isCut() || to.write(chunk)));
    from.on("end", () => void (isCut() || to.end()));
    // A cut connection still has two ends, of which neither hears of the other's.
    from.on("error", () => void (isCut() || to.destroy()));
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    silence: () => void (silent = true),
    mend: () => void (silent = false),
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
