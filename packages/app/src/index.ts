export { readServerFile, type ServerFile, writeServerFile } from "./server-file.ts";
export { type Running, runApp } from "./run.ts";
export { shownOnce } from "./shown-once.ts";
export { type AppParts, startApp, type StartedApp } from "./start-app.ts";
export { reencryptAll } from "./reencrypt.ts";
export { verifyAudit } from "./verify-audit.ts";
