import { type Client, createClient } from "@org/scheduler-client";
import { startTarget, type Target } from "@org/scheduler-core/testing";
import { type Installation, startInstallation } from "../e2e/installation.ts";
import { type App, type Env, startApp } from "../e2e/start-app.ts";
import { showProgress } from "./report.ts";

/** An API, a database and a target; each scenario adds the workers that it wants to harm. */
export interface System extends AsyncDisposable {
  postgres: Installation["postgres"];
  client: Client;
  token: string;
  target: Target;
  /** The settings of all apps. */
  env: Env;
  api: App;
  startWorker(env?: Env): Promise<App>;
}

/** `route` may lead the apps to their database some other way than straight. */
export async function startSystem(
  name: string,
  route: (databaseUrl: string) => Promise<string> = (url) => Promise.resolve(url),
): Promise<System> {
  await using started = new AsyncDisposableStack();
  const target = await startTarget();
  started.defer(() => target.close());
  started.use(showProgress(name, target));
  const { postgres, token, env: straight } = started.use(await startInstallation());
  const env = { ...straight, DATABASE_URL: await route(postgres.url) };
  const api = started.use(await startApp("api", env));
  const running = started.move();
  return {
    postgres,
    client: createClient({ url: api.url, token }),
    token,
    target,
    env,
    api,
    startWorker: async (more) => running.use(await startApp("worker", { ...env, ...more })),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
