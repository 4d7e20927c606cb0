import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { reasonOf, silentLog } from "./log.ts";

describe("createLog", () => {
  function run(level: string, script: string) {
    const load = `const { createLog } = await import(${JSON.stringify(new URL("./log.ts", import.meta.url).href)});`;
    const code = `${load} const log = createLog(${JSON.stringify(level)}); ${script}`;
    return spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  test("writes one JSON line per message to standard error, from its level on", async () => {
    const child = run(
      "warn",
      `log.info("quiet"); log.warn({ job: "job_1" }, "loud\\nstill one line"); process.exit(0);`,
    );
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(out).toBe("");
    expect(
      errors
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ level: 40, time: expect.any(Number) as number, job: "job_1", msg: "loud\nstill one line" }]);
  });

  test("does not end the process when nobody reads the log any more", async () => {
    const script = `process.stdin; setTimeout(() => { for (let i = 0; i < 100; i++) log.info("x".repeat(1000));
      setTimeout(() => process.stdout.write("alive"), 20); }, 20);`;
    const child = run("info", script);
    child.stderr.destroy();
    const [out, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number]>]);
    expect({ out, code }).toEqual({ out: "alive", code: 0 });
  });

  test("silentLog says nothing", () => {
    expect(silentLog.isLevelEnabled("fatal")).toBe(false);
  });
});

describe("reasonOf", () => {
  class NamedOnly extends Error {
    override name = "NamedOnly";
  }
  test.each([
    [new Error("no route"), "no route"],
    [new NamedOnly(), "NamedOnly"],
    [new AggregateError([new Error("refused"), new Error("unreachable")]), "refused"],
    [new AggregateError([], "none of them"), "none of them"],
    ["a text", "a text"],
    [undefined, "undefined"],
    [null, "null"],
  ])("%s: %s", (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });
});
