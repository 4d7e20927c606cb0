import { describe, expect, test } from "vitest";
import { checkHost } from "./hosts.ts";

const verdict = (
  headers: { host?: string; origin?: string },
  names: string[] = [],
  origins: string[] = [],
): string => {
  try {
    checkHost({ headers }, names, origins);
    return "let in";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a request is let in", () => {
  test.each([
    [{ host: "localhost:7070" }],
    [{ host: "127.0.0.1" }],
    [{ host: "[::1]:7070" }],
    [{ host: "LOCALHOST" }],
    [{ host: "localhost", origin: "http://127.0.0.1:3000" }],
    [{ host: "jobs.example" }, ["jobs.example"]],
    [{ host: "jobs.example:443" }, ["Jobs.Example:8080"]],
    [{ host: "[fd00::1]" }, ["fd00::1"]],
    [{ host: "anything.example" }, ["*"]],
    [{ host: "anything.example", origin: "https://anything.example" }, ["*"]],
  ])("%o where %o are ours too", (headers, names: string[] = []) => {
    expect(verdict(headers, names)).toBe("let in");
  });
});

test("a named origin is let in, under a name of ours alone", () => {
  const origins = ["https://app.example"];
  expect(verdict({ host: "localhost", origin: "https://app.example" }, [], origins)).toBe("let in");
  expect(verdict({ host: "evil.example", origin: "https://app.example" }, [], origins)).toBe("forbidden");
  expect(verdict({ host: "app.example", origin: "https://app.example" }, [], origins)).toBe("forbidden");
  expect(verdict({ host: "localhost", origin: "https://app.example:444" }, [], origins)).toBe("forbidden");
});

describe("a request is refused", () => {
  test.each([
    [{}],
    [{ host: "" }],
    [{ host: "evil.example" }],
    [{ host: "localhost.evil.example" }],
    [{ host: "user@localhost" }],
    [{ host: "localhost/path" }],
    [{ host: "localhost", origin: "null" }],
    [{ host: "localhost", origin: "http://evil.example" }],
    [{ host: "localhost", origin: "http://localhost.evil.example" }],
    [{ host: "anything.example", origin: "https://evil.example" }, ["*"]],
    [{ host: "a b" }, ["*"]],
  ])("%o where %o are ours too", (headers, names: string[] = []) => {
    expect(verdict(headers, names)).toBe("forbidden");
  });
});
