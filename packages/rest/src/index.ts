export { createRestHttp } from "./app.ts";
export { openApiDocument } from "./openapi.ts";
export { createRouter } from "./router.ts";
export type { RouterOptions } from "./router.ts";
