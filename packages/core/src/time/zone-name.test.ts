import { describe, expect, it } from "vitest";
import { assertTimeZone, isTimeZone } from "./zone-name.ts";

function hint(name: string): string {
  try {
    assertTimeZone(name);
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_schedule", field: "timezone" });
    return (error as { hint: string }).hint;
  }
  throw new Error(`${name} was accepted`);
}

describe("isTimeZone", () => {
  it.each([
    "UTC",
    "GMT",
    "CET",
    "EST",
    "Europe/Berlin",
    "Asia/Calcutta",
    "Asia/Kolkata",
    "Etc/GMT+5",
    "US/Eastern",
    "GB",
  ])("knows %s", (name) => expect(isTimeZone(name)).toBe(true));

  it("does not mind letter case", () => {
    expect(isTimeZone("europe/berlin")).toBe(true);
    expect(isTimeZone("utc")).toBe(true);
  });

  it.each([
    "",
    " ",
    "+02:00",
    "-0500",
    "UTC+2",
    "GMT+2",
    "PST",
    "CST",
    "IST",
    "SystemV/EST5",
    "Mars/Olympus",
    "Europe/Berlin ",
  ])("refuses %j", (name) => expect(isTimeZone(name)).toBe(false));

  it("knows every zone of the runtime", () => {
    expect(Intl.supportedValuesOf("timeZone").filter((name) => !isTimeZone(name))).toEqual([]);
  });
});

describe("assertTimeZone", () => {
  it.each([
    ["Berlin", "Europe/Berlin"],
    ["New York", "America/New_York"],
    ["Europe/Berln", "Europe/Berlin"],
    ["america/new york", "America/New_York"],
    ["Asia/Kolkatta", "Asia/Kolkata"],
    ["PST", "America/Los_Angeles"],
    ["CEST", "Europe/Berlin"],
  ])("suggests for %s %s", (name, likely) => expect(hint(name)).toContain(`"${likely}"`));

  it("explains why an offset is not enough", () => {
    expect(hint("+02:00")).toMatch(/offset/i);
    expect(hint("UTC+2")).toMatch(/offset/i);
  });

  it("has an example also where it has no guess", () => {
    expect(hint("Mars/Olympus")).toContain("America/New_York");
    expect(hint("x".repeat(10_000))).toContain("America/New_York");
  });
});
