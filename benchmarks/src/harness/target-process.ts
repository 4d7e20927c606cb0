import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it arrived. */
export interface Noted {
  /** Milliseconds since the epoch, with fractions. */
  at: number;
  path: string;
}

export interface TargetSettings {
  /** How many different paths to wait for. */
  expected: number;
  /** How long an answer takes. */
  delayMs: number;
}

/** Several origins, so that some of them can hang while the others answer. */
const origins = 10;

/**
 * The target of every benchmark: answers 200 at once, or after `delayMs`, or never on paths that begin with /hang,
 * which it does not note. Everything else it notes with the time of its arrival.
 */
export async function openTarget() {
  let settings: TargetSettings = { expected: Infinity, delayMs: 0 };
  let epoch = await epochOfClock();
  let noted: Noted[] = [];
  let paths = new Set<string>();
  let arrived = Promise.withResolvers<void>();

  const listen = async (): Promise<string> => {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const at = epoch + performance.now();
      const path = request.url ?? "";
      request.resume();
      if (path.startsWith("/hang")) return;
      noted.push({ at, path });
      paths.add(path);
      if (paths.size === settings.expected) arrived.resolve();
      const answer = (): void => void response.writeHead(200, { "content-length": "2" }).end("ok");
      if (settings.delayMs === 0) answer();
      else setTimeout(answer, settings.delayMs);
    });
    server.listen(0, "127.0.0.1", 4096);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const urls = await Promise.all(Array.from({ length: origins }, listen));

  return {
    urls: () => urls,
    async reset(given: TargetSettings): Promise<void> {
      settings = given;
      epoch = await epochOfClock();
      noted = [];
      paths = new Set();
      arrived = Promise.withResolvers();
    },
    arrived: () => arrived.promise,
    noted: () => noted,
  };
}

/**
 * What to add to `performance.now()` for the wall clock, which PostgreSQL goes by: read at a tick of it, since it
 * ticks in milliseconds here, and again for each run, since it may be set.
 */
async function epochOfClock(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  const before = Date.now();
  while (Date.now() === before);
  return Date.now() - performance.now();
}
