import { DAY } from "./calendar.ts";
import { nextMatch } from "./cron-match.ts";
import { parseCron, type Cron } from "./cron.ts";
import type { Schedule } from "./next-run.ts";
import { formatLocal, offsetChanges, type OffsetChange } from "./zone.ts";

export interface PreviewOptions {
  /** Epoch ms to look from: the first run shown is after it, a single run may be at it. */
  from: number;
  count: number;
  /** The zone of local times. */
  timezone: string;
}

const maxClockNotes = 4;
const eitherDayField =
  "Day of month and day of week are both set, and either is enough: it runs on days that match one or the other, not only on days that match both.";

/** What may surprise in the runs shown, in plain words: clock changes, two day fields, an end. */
export function previewNotes(schedule: Schedule, runs: number[], options: PreviewOptions): string[] {
  const notes = endNotes(schedule, runs, options);
  if (schedule.kind === "scheduled")
    return [...notes, ...runs.flatMap((run) => singleNotes(options.timezone, run))];
  if (schedule.kind !== "cron") return notes;
  const cron = parseCron(schedule.cron);
  if (!cron.everyDayOfMonth && !cron.everyDayOfWeek) notes.push(eitherDayField);
  return [...notes, ...clockNotes(cron, schedule.timezone, runs, options.from)];
}

function endNotes(
  { kind, endAt }: Schedule,
  runs: number[],
  { from, count, timezone }: PreviewOptions,
): string[] {
  const ends = typeof endAt === "number";
  const end = ends ? ` before end_at (${formatLocal(timezone, endAt)})` : "";
  if (runs.length === 0) {
    return [
      `It never fires again after ${formatLocal(timezone, from)}${ends ? `: nothing is left${end}` : ""}.`,
    ];
  }
  const repeats = kind === "cron" || kind === "recurring";
  if (!repeats || !ends || runs.length >= count) return [];
  return [`Only ${runs.length === 1 ? "1 run remains" : `${runs.length} runs remain`}${end}.`];
}

/** Says how the local time of a single run is meant, where the clocks skip it or show it twice. */
function singleNotes(zone: string, run: number): string[] {
  return offsetChanges(zone, run - DAY, run + DAY).flatMap((change) => {
    const { at, before, after } = change;
    const skipped = run >= at && run < at + after - before;
    const repeated = run >= at + after - before && run < at + before - after;
    if (skipped) {
      return `${announce(zone, change)}. ${timeOf(run + before)} does not exist then and means ${timeOf(run + after)}.`;
    }
    if (!repeated) return [];
    const [offset, turn] = run < at ? [before, "first"] : [after, "second"];
    return `${announce(zone, change)}. ${timeOf(run + offset)} comes twice then; this is the ${turn}.`;
  });
}

function clockNotes(cron: Cron, zone: string, runs: number[], from: number): string[] {
  const last = runs.at(-1);
  if (last === undefined) return [];
  // The first run shown may come out of a gap that was before it, the last may be in an hour that will come again.
  const changes = offsetChanges(zone, from - DAY, last + DAY);
  const ahead = changes.filter(({ at }) => at > from && at <= last);
  const surprises = cron.followsWall
    ? ahead.map((change) => passingNote(cron, zone, change))
    : changes.map((change) => fixedNote(cron, zone, change, runs));
  const notes = surprises.filter((note) => note !== undefined).slice(0, maxClockNotes);
  const [first] = ahead;
  if (notes.length > 0 || first === undefined || cron.followsWall) return notes;
  return [`${announce(zone, first)}. The runs keep their local time, so their UTC time moves.`];
}

function fixedNote(cron: Cron, zone: string, change: OffsetChange, runs: number[]): string | undefined {
  const { at, before, after } = change;
  if (after > before) {
    const moved = runs.find((run) => run >= at && run < at + after - before && isMatch(cron, run + before));
    if (moved === undefined) return undefined;
    return `${announce(zone, change)}. ${timeOf(moved + before)} does not exist then: that run comes at ${timeOf(moved + after)}.`;
  }
  const doubled = runs.find((run) => run < at && run >= at + after - before);
  if (doubled === undefined) return undefined;
  return `${announce(zone, change)}. ${timeOf(doubled + before)} comes twice then: it runs the first time only.`;
}

function passingNote(cron: Cron, zone: string, change: OffsetChange): string | undefined {
  const { at, before, after } = change;
  const [low, high] = [Math.min(before, after), Math.max(before, after)];
  if (nextMatch(cron, at + low) >= at + high) return undefined;
  const effect = after > before ? "does not run" : "runs both times";
  return `${announce(zone, change)}. What is due in between ${effect}.`;
}

function isMatch(cron: Cron, local: number): boolean {
  return nextMatch(cron, local) === local;
}

function announce(zone: string, { at, before, after }: OffsetChange): string {
  const day = new Date(at + Math.min(before, after)).toISOString().slice(0, 10);
  const direction = after > before ? "forward" : "back";
  return `On ${day} the clocks of ${zone} go ${direction} from ${timeOf(at + before)} to ${timeOf(at + after)}`;
}

function timeOf(local: number): string {
  return new Date(local).toISOString().slice(11, 16);
}
