import { createClient } from "@org/scheduler-client";
import { startTarget } from "@org/scheduler-core/testing";
import { type Load, oneShots } from "./load.ts";
import type { System } from "./system.ts";

/** Targets that close, refuse, hang, redirect or do not speak TLS, and a receiver of callbacks. */
interface HardTargets extends AsyncDisposable {
  /** Creates jobs for all of them, a few of each kind in every second of a stretch. */
  create(stretch: Load): Promise<void>;
  figures(): Record<string, number>;
}

const perSecond = 4;

/** In the other half of the workspace: what is counted of the healthy ones is not about these. */
export async function startHardTargets({ api, client }: System): Promise<HardTargets> {
  const { token } = await client.createToken({ name: "hard targets", kind: "service", mode: "test" });
  const other = createClient({ url: api.url, token });
  const [target, ear] = [await startTarget(), await startTarget()];
  target.answer(({ path }, response) => {
    if (path === "/hang") return;
    const elsewhere = path === "/redirect" ? { location: "/close" } : {};
    response.writeHead(path === "/redirect" ? 302 : 200, { connection: "close", ...elsewhere }).end("ok");
  });
  const kinds = [
    { url: `${target.url}/close`, callback_url: ear.url },
    { url: `${target.url}/redirect`, follow_redirects: true },
    { url: `${target.url}/hang`, timeout_seconds: 1 },
    { url: target.url.replace("http:", "https:") },
    { url: "http://127.0.0.1:1/", callback_url: "http://127.0.0.1:1/" },
  ];
  return {
    async create({ from, seconds }) {
      const jobs = kinds.flatMap((kind) =>
        oneShots(kind.url, { from, seconds, perSecond }).map(({ job }) => ({
          ...job,
          ...kind,
          retry: { max_attempts: 1 },
        })),
      );
      await other.createJobs({ jobs });
    },
    figures: () => ({ "hard requests": target.arrivals.length, callbacks: ear.arrivals.length }),
    async [Symbol.asyncDispose]() {
      await target.close();
      await ear.close();
    },
  };
}
