import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCron } from "./cron.ts";
import { describeCron } from "./describe-cron.ts";
import { nextRuns } from "./next-run.ts";

const say = (cron: string): string => describeCron(parseCron(cron));

describe("a cron in English", () => {
  it.each([
    ["0 9 * * 1-5", "At 09:00, Monday through Friday"],
    ["*/15 * * * *", "Every 15 minutes"],
    ["* * * * *", "Every minute"],
    ["0 * * * *", "Every hour"],
    ["@daily", "At 00:00"],
    ["30 14 * * sun", "At 14:30, on Sunday"],
    ["0 0 29 2 *", "At 00:00, on day 29 of the month, in February"],
    ["0 */13 * * *", "At 00:00 and 13:00"],
    ["0 */2 * * *", "At minute 0, in every 2nd hour from 0 to 22"],
    ["*/45 * * * *", "At minutes 0 and 45 of every hour"],
    ["*/7 * * * *", "At every 7th minute from 0 to 56 of every hour"],
    ["*/15 9-17 * * 1-5", "Every 15 minutes, in hours 9 to 17, Monday through Friday"],
    ["0 0 1/1 * 1", "At 00:00"],
    ["0 0 1 * 1", "At 00:00, on day 1 of the month or on Monday"],
    ["0 0 */2 * *", "At 00:00, on every 2nd day from 1 to 31 of the month"],
    [
      "0 9,17 1,15 1,6-8 *",
      "At 09:00 and 17:00, on days 1 and 15 of the month, in January and June through August",
    ],
    ["0 0 * * 0,6", "At 00:00, on Sunday and Saturday"],
  ])("%s is %s", (cron, english) => expect(say(cron)).toBe(english));
});

// An independent reader: what a person takes the sentence for, as sets of values.

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = "January February March April May June July August September October November December".split(
  " ",
);

const span = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

/** "1, 5 to 7 and 9", "Monday through Friday and Sunday": each part by its name, or as a number. */
function readList(text: string, names: readonly string[] = []): number[] {
  const number = (part: string): number => (names.length > 0 ? names.indexOf(part) : Number(part));
  return text.split(/, | and /).flatMap((part) => {
    const [from, to = from] = part.split(/ to | through /);
    return span(number(from!), number(to!));
  });
}

/** "minute 5", "hours 1 to 3", "every 7th day from 1 to 29". */
function readCounted(text: string): number[] {
  const [, step, from, to] = /^every (\d+)\w\w \w+ from (\d+) to (\d+)$/.exec(text) ?? [];
  if (step !== undefined) return span(Number(from), Number(to), Number(step));
  return readList(text.replace(/^\w+ /, ""));
}

interface Claims {
  times(hour: number, minute: number): boolean;
  day(date: Date): boolean;
}

function readSentence(text: string): Claims {
  const month =
    /(?:^|, )in ((?:January|February|March|April|May|June|July|August|September|October|November|December).*)$/.exec(
      text,
    );
  const rest = month ? text.slice(0, month.index) : text;
  const dayPart = /, (?:on (.*)|(\w+day through \w+day))$/.exec(rest);
  const time = dayPart ? rest.slice(0, dayPart.index) : rest;
  const [dates, weekdays] = readDays(dayPart?.[1] ?? dayPart?.[2]);
  const inMonths = month ? readList(month[1]!, ["", ...months]) : span(1, 12);
  return {
    times: readTimes(time),
    day: (date) =>
      inMonths.includes(date.getUTCMonth() + 1) &&
      (dates === undefined && weekdays === undefined
        ? true
        : dates?.includes(date.getUTCDate()) === true || weekdays?.includes(date.getUTCDay()) === true),
  };
}

function readDays(text: string | undefined): [dates?: number[], weekdays?: number[]] {
  if (text === undefined) return [];
  const [, dates, weekdays] = /^(.*) of the month(?: or on (.*))?$/.exec(text) ?? [];
  if (dates === undefined) return [undefined, readList(text, days)];
  return [readCounted(dates), weekdays === undefined ? undefined : readList(weekdays, days)];
}

function readTimes(text: string): Claims["times"] {
  if (/^At \d\d:\d\d/.test(text)) {
    const times = text.slice(3).split(/, | and /);
    return (hour, minute) =>
      times.some((time) => time === `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
  }
  if (text === "Every hour") return (_, minute) => minute === 0;
  const [, minutePart = text, hourPart] = /^(.*), in (.*)$/.exec(text) ?? [];
  const hours = hourPart === undefined ? span(0, 23) : readCounted(hourPart);
  const minutes = readMinutes(minutePart.replace(/ of every hour$/, ""));
  return (hour, minute) => hours.includes(hour) && minutes.includes(minute);
}

function readMinutes(text: string): number[] {
  if (text === "Every minute") return span(0, 59);
  const [, step] = /^Every (\d+) minutes$/.exec(text) ?? [];
  // Whoever reads this takes it that they are all as far apart, also across the hour.
  if (step !== undefined) return 60 % Number(step) === 0 ? span(0, 59, Number(step)) : [];
  return readCounted(text.replace(/^At /, ""));
}

const field = (min: number, max: number): fc.Arbitrary<string> => {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: max - min + 1 });
  const stepped = fc
    .tuple(fc.oneof(fc.constant("*"), range, value.map(String)), step)
    .map(([base, by]) => `${base}/${by}`);
  const item = fc.oneof(value.map(String), range, stepped);
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant("*") },
    { weight: 3, arbitrary: item },
    fc.array(item, { minLength: 2, maxLength: 4 }).map((items) => items.join(",")),
  );
};

const minute = 60_000;
const from = Date.UTC(2026, 0, 1);

/** The first instants that a sentence speaks of, found day by day. */
function claimed({ times, day }: Claims, count: number): number[] {
  const ofDay = span(0, 1439).filter((of) => times(Math.floor(of / 60), of % 60));
  const found: number[] = [];
  for (let at = from; found.length < count; at += 1440 * minute)
    if (day(new Date(at))) found.push(...ofDay.map((of) => at + of * minute));
  return found.slice(0, count);
}

it("whatever the sentence says of a cron holds for its next fifty runs, and for no other time between them", () => {
  const crons = fc
    .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7))
    .map((fields) => fields.join(" "));
  fc.assert(
    fc.property(crons, (cron) => {
      const english = say(cron);
      const runs = nextRuns({ kind: "cron", cron, timezone: "UTC" }, from - 1, 50);
      expect(claimed(readSentence(english), 50), english).toEqual(runs);
    }),
    { numRuns: 500 },
  );
});
