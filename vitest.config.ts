import { defineConfig } from "vitest/config";

// Storage and engine run twice: on the embedded database and on a real server. Their files share processes, and so the
// modules and the embedded database that those have loaded.
const onDatabase = ["packages/core/src/**/*.db.test.ts"];
const onServer = ["packages/core/src/**/*.pg.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,apps}/*/src/**/*.test.ts", "examples/*/*.test.ts"],
          exclude: [...onDatabase, ...onServer],
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "postgres",
          include: [...onDatabase, ...onServer],
          globalSetup: ["packages/core/src/testing/global-setup.ts"],
          hookTimeout: 30_000,
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "pglite",
          include: onDatabase,
          globalSetup: ["packages/core/src/testing/embedded-setup.ts"],
          provide: { postgresUrl: null },
          testTimeout: 15_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          isolate: false,
        },
      },
      {
        // Whole processes, which mostly wait: three files at a time of these and of the next, and nothing else beside them. The
        // lateness that firing.test.ts prints is that of an idle machine when it runs alone: vitest run --project e2e firing
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/global-setup.ts"],
          setupFiles: ["test/e2e/setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // The same, while they are harmed. Each waits most of the time, for loads and recoveries of its own.
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          setupFiles: ["test/e2e/setup.ts"],
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
