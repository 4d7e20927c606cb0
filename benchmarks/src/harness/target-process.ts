import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The target of every benchmark, in a process of its own: answers 200 at once, or after `delayMs`, or never on paths
 * that begin with /hang. It notes when requests arrived and which due instant they carried, and tells when asked.
 */
interface Noted {
  /** Milliseconds since the epoch, to the microsecond. */
  at: number;
  path: string;
}

let delayMs = 0;
let noted: Noted[] = [];
let expected = Infinity;

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume();
  const path = request.url ?? "";
  if (path.startsWith("/hang")) return;
  noted.push({ at: performance.timeOrigin + performance.now(), path });
  if (noted.length === expected) process.send!({ kind: "arrived" });
  const answer = (): void => void response.writeHead(200, { "content-length": "2" }).end("ok");
  if (delayMs === 0) answer();
  else setTimeout(answer, delayMs);
});
server.listen(0, "127.0.0.1", 4096, () => {
  process.send!({ kind: "listening", port: (server.address() as AddressInfo).port });
});

type Command = { kind: "reset"; expected: number; delayMs: number } | { kind: "tell" };

process.on("message", (command: Command) => {
  switch (command.kind) {
    case "reset":
      noted = [];
      ({ expected, delayMs } = command);
      process.send!({ kind: "reset" });
      break;
    case "tell":
      process.send!({ kind: "noted", noted });
      break;
  }
});
process.on("disconnect", () => process.exit(0));
