import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";

/** `pnpm demo`, with a place of its own for what it leaves behind. */
async function startDemo() {
  const directory = await mkdtemp(path.join(tmpdir(), "e2e-demo-"));
  const demo = spawn(process.execPath, [path.join(import.meta.dirname, "../../examples/demo/demo.ts")], {
    env: { PATH: process.env["PATH"], TMPDIR: directory },
  });
  let output = "";
  demo.stdout.on("data", (chunk: Buffer) => (output += chunk));
  demo.stderr.on("data", (chunk: Buffer) => (output += chunk));
  onTestFinished(async () => {
    demo.kill("SIGTERM");
    await rm(directory, { recursive: true, force: true });
  });
  const exited = once(demo, "close");
  return {
    demo,
    output: () => output,
    exitCode: async () => ((await exited) as [number | null])[0],
    left: () => readdir(directory),
  };
}

test("the demo shows a retried, a delayed and a cron job", { timeout: 60_000 }, async () => {
  const { output, exitCode, left } = await startDemo();
  expect(await exitCode(), output()).toBe(0);
  console.log(output());
  for (const row of [
    /flaky +1 +503/,
    /flaky +2 +503/,
    /flaky +3 +200/,
    /delayed +1 +200/,
    /cron +1 +200/,
    /All as/,
  ]) {
    expect(output()).toMatch(row);
  }
  expect(await left()).toEqual([]);
});

test("Ctrl-C ends the demo and leaves nothing behind", async () => {
  const { demo, output, exitCode, left } = await startDemo();
  await vi.waitFor(async () => expect(await left()).toHaveLength(1), 10_000);
  demo.kill("SIGINT");
  expect(await exitCode()).toBe(130);
  expect(output()).toContain("interrupted");
  expect(await left()).toEqual([]);
});
