import type { Cron } from "./cron.ts";

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** More times of the day than these are told by their hours and minutes. */
const mostTimes = 6;

/**
 * A cron expression in English, made of the values that it means and not of how it is written: a step that starts anew each
 * hour, day or month, and two day fields of which either is enough, read like what they are not.
 */
export function describeCron(cron: Cron): string {
  return [timeText(cron), dayText(cron), monthText(cron)].filter((part) => part !== "").join(", ");
}

function timeText({ minutes, hours }: Cron): string {
  if (minutes.length * hours.length <= mostTimes) {
    const times = hours.flatMap((hour) => minutes.map((minute) => `${digits(hour)}:${digits(minute)}`));
    return `At ${listed(times)}`;
  }
  const isEveryHour = hours.length === 24;
  if (isEveryHour && minutes.length === 1 && minutes[0] === 0) return "Every hour";
  const within = isEveryHour ? "" : `, in ${counted(hours, "hour")}`;
  const step = stepOf(minutes);
  if (minutes.length === 60) return `Every minute${within}`;
  if (step !== undefined && minutes[0] === 0 && step * minutes.length === 60)
    return `Every ${step} minutes${within}`;
  return `At ${counted(minutes, "minute")}${isEveryHour ? " of every hour" : within}`;
}

function dayText(cron: Cron): string {
  const { daysOfMonth, daysOfWeek, everyDayOfMonth, everyDayOfWeek } = cron;
  const dates = everyDayOfMonth ? "" : `on ${counted(daysOfMonth, "day")} of the month`;
  const weekdays = everyDayOfWeek ? "" : named(daysOfWeek, days, "on");
  // Of two fields either is enough, and one of them may let every day through.
  if (dates !== "" && weekdays !== "")
    return daysOfMonth.length === 31 || daysOfWeek.length === 7 ? "" : `${dates} or ${weekdays}`;
  if (daysOfMonth.length === 31 && weekdays === "") return "";
  if (daysOfWeek.length === 7) return dates;
  const [run, ...others] = runsOf(daysOfWeek);
  // "Monday through Friday" is said without a preposition, "Monday" is not.
  return dates !== "" || others.length > 0 || !run || run[1] - run[0] < 2
    ? dates + weekdays
    : weekdays.slice(3);
}

function monthText({ monthMask }: Cron): string {
  const numbers = months.map((_, index) => index + 1).filter((month) => (monthMask & (1 << month)) !== 0);
  return numbers.length === 12 ? "" : named(numbers, ["", ...months], "in");
}

function named(values: readonly number[], names: readonly string[], preposition: string): string {
  const parts = runsOf(values).flatMap(([first, last]) =>
    last - first >= 2
      ? `${names[first]} through ${names[last]}`
      : first === last
        ? names[first]!
        : [names[first]!, names[last]!],
  );
  return `${preposition} ${listed(parts)}`;
}

/** "minute 5", "minutes 5, 10 to 15 and 40", "every 7th minute from 0 to 56". */
function counted(values: readonly number[], noun: string): string {
  const step = stepOf(values);
  if (step !== undefined && step > 1 && values.length >= 4)
    return `every ${ordinal(step)} ${noun} from ${values[0]} to ${values.at(-1)}`;
  const parts = runsOf(values).flatMap(([first, last]) => {
    if (last - first >= 2) return `${first} to ${last}`;
    return first === last ? String(first) : [String(first), String(last)];
  });
  return `${noun}${values.length === 1 ? "" : "s"} ${listed(parts)}`;
}

/** How far values lie apart, if all of them do alike. */
function stepOf(values: readonly number[]): number | undefined {
  const [first = 0, second] = values;
  if (second === undefined) return undefined;
  const step = second - first;
  return values.every((value, index) => value === first + index * step) ? step : undefined;
}

/** The stretches of values without a gap, each by its ends. */
function runsOf(values: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    if (run && run[1] === value - 1) run[1] = value;
    else runs.push([value, value]);
  }
  return runs;
}

function listed(parts: readonly string[]): string {
  if (parts.length <= 1) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

function ordinal(number: number): string {
  const end = { 1: "st", 2: "nd", 3: "rd" }[number % 10];
  return `${number}${end === undefined || (number > 10 && number < 14) ? "th" : end}`;
}

function digits(value: number): string {
  return String(value).padStart(2, "0");
}
