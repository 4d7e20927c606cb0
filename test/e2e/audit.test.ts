import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { copyDataDir } from "./data-dir.ts";

test("pnpm verify-audit says what the seals over the audit are worth", async () => {
  await using dataDir = await copyDataDir();
  const { stdout } = await promisify(execFile)(process.execPath, ["apps/server/src/verify-audit.ts"], {
    cwd: path.join(import.meta.dirname, "../.."),
    env: { PATH: process.env["PATH"], SCHEDULER_DATA_DIR: dataDir.path },
  });
  expect(stdout).toContain("There is no seal yet");
});
