export { buildServer } from "./build-server.ts";
export type { BuildServerOptions, ServerInfo } from "./build-server.ts";
export type { ErrorLog } from "@org/scheduler-http";
export { createMcpHttp } from "./http.ts";
export type { McpHttp, McpHttpOptions } from "./http.ts";
export { parseToolsets } from "./narrowing.ts";
export { serveMcpStdio } from "./stdio.ts";
export { tools } from "./tools.ts";
export type { Annotations, Tool } from "./tools.ts";
