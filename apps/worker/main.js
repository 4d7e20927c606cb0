import { enableCompileCache } from "node:module";

// Before anything else is loaded, and not in TypeScript, whose compiler would be loaded for it: a process that finds
// its code compiled starts sooner and takes less memory.
enableCompileCache();
await import("./src/main.ts");
