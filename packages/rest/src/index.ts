export { createApp } from "./app.ts";
export type { AppOptions } from "./app.ts";
export { createHealthRouter } from "./health.ts";
export { hostGuard, loopbackHosts } from "./host-guard.ts";
export { openApiDocument } from "./openapi.ts";
export type { ErrorLog } from "./problem.ts";
export { createRouter } from "./router.ts";
export type { RouterOptions } from "./router.ts";
