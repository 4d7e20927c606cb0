import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,apps}/*/src/**/*.test.ts", "examples/**/*.test.ts"],
          maxWorkers: "100%",
        },
      },
      {
        // Whole processes, measured in milliseconds: one file at a time, and nothing else beside it.
        test: {
          name: "e2e",
          include: ["test/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
