import type { Backend, CallerView } from "@org/scheduler-contract";
import type { Face } from "@org/scheduler-http";
import express from "express";
import { createRouter, type RouterOptions } from "./router.ts";

/** REST as a face of a server of ours, which needs no Express of its own. It answers everything: mount it last. */
export function createRestHttp<Caller extends CallerView>(
  backend: Backend<Caller>,
  options: RouterOptions = {},
): Face {
  const app = express();
  app.disable("x-powered-by");
  // Answers are no-store: a tag for a cache would only cost time.
  app.disable("etag");
  app.use(createRouter(backend, options));
  return app as unknown as Face;
}
