import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request of the scheduler's, as it came in and was answered. */
export interface Hit {
  job: string;
  attempt: number;
  status: number;
  at: number;
  /** When it was due. */
  due: number;
}

/** What the jobs call: a path for each, of which `/flaky` fails twice before it works. */
export interface Target extends AsyncDisposable {
  url: string;
}

export const retryAfterMs = 1000;

export async function startTarget(onHit: (hit: Hit) => void): Promise<Target> {
  let lastFailureAt = 0;
  const server = createServer((request, response) => {
    const at = Date.now();
    const job = request.url!.slice(1);
    const attempt = Number(request.headers["sched-attempt"]);
    const slot = Date.parse(String(request.headers["x-cron-service-scheduled-for"]));
    const status = job === "flaky" && attempt <= 2 ? 503 : 200;
    // A retry is due a while after the failure before it.
    const due = attempt === 1 ? slot : lastFailureAt + retryAfterMs;
    if (status !== 200) lastFailureAt = at;
    request.resume();
    response.writeHead(status).end();
    onHit({ job, attempt, status, at, due });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
