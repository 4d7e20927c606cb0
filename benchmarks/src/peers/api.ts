import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createScheduler } from "@org/scheduler-core";
import { createListener } from "@org/scheduler-http";
import { createRestHttp } from "@org/scheduler-rest";

/** The API in its own process. */
export async function openApi(databaseUrl: string) {
  const scheduler = await createScheduler({ databaseUrl, allowedTargets: ["127.0.0.0/8"] });
  const server = createServer(createListener(scheduler, { faces: [createRestHttp(scheduler)] }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
