/**
 * How much a request wants a type of media: from 0, not at all, to 1, by the header Accept as RFC 9110 §12.5.1 reads it. The
 * range that comes nearest to the type decides, in whatever case. Of its parameters only `q` counts: many a client writes
 * `charset=utf-8`, and means the type.
 */
export function qualityOf(type: string, accept: string | undefined): number {
  if (accept === undefined || accept.trim() === "") return 1;
  const ranges = accept.split(",").map(readRange);
  const family = `${type.split("/")[0]}/*`;
  // A bare star is what Java's own client sends.
  for (const names of [[type], [family], ["*/*", "*"]]) {
    const qualities = ranges.filter(({ name }) => names.includes(name)).map(({ quality }) => quality);
    if (qualities.length > 0) return Math.max(...qualities);
  }
  return 0;
}

function readRange(text: string): { name: string; quality: number } {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => /^q\s*=/.test(parameter));
  const quality = q === undefined ? 1 : Number.parseFloat(q.slice(q.indexOf("=") + 1));
  return { name, quality: Number.isNaN(quality) ? 1 : Math.min(Math.max(quality, 0), 1) };
}
