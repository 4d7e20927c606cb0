/** Letters and digits, white space, punctuation, or one other character: about how tokenizers part a text. */
const piece = /[A-Za-z0-9]+|\s+|[!-/:-@[-`{-~]+|[^]/g;

/**
 * About how many tokens a text is, rather too many than too few. Characters alone would not tell: a character of
 * prose is a quarter of a token, one of base64 two thirds, one of a rare script two.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const [part] of text.matchAll(piece)) tokens += cost(part);
  return Math.ceil(tokens);
}

function cost(part: string): number {
  const code = part.charCodeAt(0);
  if (code >= 0x80) return costOfScript(code);
  if (/^\d+$/.test(part)) return Math.ceil(part.length / 3);
  if (/^[A-Z]?[a-z]+$/.test(part)) return costOfWord(part.length);
  // Ids, hashes, base64.
  if (/^\w/.test(part) && part !== "_") return Math.max(1, part.length * 0.75);
  if (/^\s/.test(part)) return part === " " ? 0.05 : 1;
  if (code < 0x20) return 3;
  if (part.length === 1) return 0.8;
  // What holds JSON together, also where it is quoted once more.
  if (/^[",:\\{}[\]]+$/.test(part)) return part.length <= 3 ? 1 : part.length / 2;
  return part.length * 0.7;
}

/** Long runs of letters are rarely words. */
function costOfWord(length: number): number {
  if (length <= 8) return 1;
  return length <= 16 ? 2 : length / 1.8;
}

function costOfScript(code: number): number {
  if (code >= 0x370 && code < 0x600) return 0.7;
  if (code < 0x800) return 1;
  return code >= 0x3000 && code < 0xa000 ? 1.3 : 2;
}
