import type { Noted } from "./target-process.ts";

export function median(numbers: number[]): number {
  return percentile(numbers, 50);
}

/** The nearest rank: a number that really occurred. */
export function percentile(numbers: number[], percent: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

/** Paths are `/<due instant>/<number>`, so that the target's notes tell how late each request was. */
export function pathOf(dueAt: number, number: number): string {
  return `/${dueAt}/${number}`;
}

export function dueAtOf(path: string): number {
  return Number(path.split("/")[1]);
}

/** Arrival minus due instant. */
export function latenessOf({ at, path }: Noted): number {
  return at - dueAtOf(path);
}

export function lastArrival(noted: Noted[]): number {
  return noted.reduce((latest, { at }) => Math.max(latest, at), -Infinity);
}

/** How many requests came more than once. */
export function duplicates(noted: Noted[]): number {
  return noted.length - new Set(noted.map(({ path }) => path)).size;
}
