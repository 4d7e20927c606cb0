import { randomInt } from "node:crypto";

/** What the random choices of a run start from: set it to the number that a failed run printed. */
export const seed = Number(process.env["E2E_SEED"] ?? randomInt(1_000_000));

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}
