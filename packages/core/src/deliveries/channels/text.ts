/** What says that something was cut off. */
const mark = "…";

/** At most so many UTF-16 units, the mark included; no character is cut in two. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most - mark.length);
  const last = kept.charCodeAt(kept.length - 1);
  return (last >= 0xd800 && last <= 0xdbff ? kept.slice(0, -1) : kept) + mark;
}

/** Without line breaks, and without what steers a terminal, a mail or the direction of writing. */
export function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .toWellFormed()
    .trim();
}

/** Services that let a message call people by @name do not see any in it. */
export function withoutMentions(text: string): string {
  return text.replace(/@(?=\w)/g, "@\u200b");
}
