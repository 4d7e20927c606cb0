import type { Answer } from "./present.ts";
import { estimateTokens } from "./token-estimate.ts";
import { editValues } from "./values.ts";

/** What one result may weigh, its text and its structured form together. */
const maxResultTokens = 20_000;

/** No text is cut shorter than this to make room. */
const shortestCut = 200;

/** A result in both forms: structured, and the same as text for clients that read nothing else. */
export function toResult(answer: Answer) {
  return { content: [{ type: "text" as const, text: JSON.stringify(answer) }], structuredContent: answer };
}

/** How many times too heavy an answer is; 1 or less fits. */
export function overweight(answer: Answer): number {
  const characters = 2 * measureTexts(answer).total;
  // Where 8 characters made a token there would be nothing worth counting; 4 are usual.
  if (characters > maxResultTokens * 8) return characters / (maxResultTokens * 4);
  const json = JSON.stringify(toResult(answer));
  // A token has at least one byte.
  if (Buffer.byteLength(json) <= maxResultTokens) return 1;
  return estimateTokens(json) / maxResultTokens;
}

/** Cuts the longest texts until the answer fits, or until no long text is left. */
export function cutTexts(build: (maxText?: number) => Answer): Answer {
  let answer = build();
  let factor = overweight(answer);
  let length = factor > 1 ? Math.min(measureTexts(answer).longest, maxResultTokens * 2) : 0;
  while (factor > 1 && length > shortestCut) {
    // Big steps while far from the goal, small ones near it.
    length = Math.max(shortestCut, Math.floor(length * Math.min(0.85, Math.max(0.25, 1 / factor))));
    answer = withNote(build(length), `texts are cut after ${length} characters to fit`);
    factor = overweight(answer);
  }
  return answer;
}

/** Leaves the last items of every array, of attempts the latest: for what nothing else made fit. */
export function cutArrays(answer: Answer): Answer {
  let cut = answer;
  for (let items = 32; overweight(cut) > 1 && items >= 1; items /= 2) {
    const shorter = editValues(answer, (value) => (Array.isArray(value) ? value.slice(-items) : value));
    cut = withNote(shorter as Answer, `only the last ${items} items of each list are shown, to fit`);
  }
  return cut;
}

/** Says in the answer itself what is missing from it. */
export function withNote({ note, ...answer }: Answer, more: string): Answer {
  return { note: typeof note === "string" ? `${note}; ${more}` : more, ...answer };
}

function measureTexts(answer: Answer): { longest: number; total: number } {
  let longest = 0;
  let total = 0;
  editValues(answer, (value) => {
    const length = typeof value === "string" ? value.length : 0;
    longest = Math.max(longest, length);
    total += length;
    return value;
  });
  return { longest, total };
}
