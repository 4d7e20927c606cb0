const isLong = process.env["CHAOS"] === "long";

/** How much of something a scenario does: what every change can wait for, or what `pnpm chaos` does. */
export function length<Size>(short: Size, long: Size): Size {
  return isLong ? long : short;
}

/** How long a test may take: much more than it does on a quiet machine. */
export const timeout = length(180_000, 30 * 60_000);
