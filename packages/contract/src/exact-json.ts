/** A number as it was written, where a double would change it. `JSON.stringify` writes it back digit by digit. */
export interface ExactNumber {
  readonly rawJSON: string;
}

/** ECMAScript's source text access for JSON, which TypeScript does not know yet; older browsers lack it. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON?: (text: string) => ExactNumber;
  isRawJSON?: (value: unknown) => boolean;
};

export function isExactNumber(value: unknown): value is ExactNumber {
  return isRawJSON?.(value) === true;
}

/** Parsed JSON, and the text of each object and list in it that is called `body`, without the space between its tokens. */
export interface ExactJson {
  value: unknown;
  bodies: ReadonlyMap<unknown, string>;
}

/** Fifteen digits survive a double; a longer number, or one with an exponent, may not. */
const mayChange = /\d[\d.]{15}|\d[eE]/;
const hasBody = /"body"\s*:\s*[[{]/;

/** Parses JSON as `JSON.parse` does, but loses no digit of a number: one that no double can hold is an ExactNumber. */
export function parseExactly(text: string): ExactJson {
  const value: unknown = JSON.parse(text);
  return mayChange.test(text) || hasBody.test(text) ? readTokens(text) : { value, bodies: new Map() };
}

const token = /\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+)/y;

interface Open {
  /** An object or a list. */
  holder: Record<string, unknown> | unknown[];
  /** The field that the next value belongs to. */
  key: string | undefined;
  /** Where its text begins, among the tokens of the whole. */
  begin: number;
}

/** Reads what `JSON.parse` has found right. With a stack of its own: what a target sends may be nested to any depth. */
function readTokens(text: string): ExactJson {
  const bodies = new Map<unknown, string>();
  const tokens: string[] = [];
  const stack: Open[] = [];
  let root: unknown;
  const put = (value: unknown): void => {
    const open = stack.at(-1);
    if (!open) root = value;
    else if (Array.isArray(open.holder)) open.holder.push(value);
    else {
      setOwn(open.holder, open.key!, value);
      open.key = undefined;
    }
  };
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const part = match[1]!;
    tokens.push(part);
    const open = stack.at(-1);
    if (part === "{" || part === "[") {
      const holder = part === "{" ? {} : [];
      const isBody = open?.key === "body";
      put(holder);
      stack.push({ holder, key: undefined, begin: isBody ? tokens.length - 1 : -1 });
    } else if (part === "}" || part === "]") {
      const { holder, begin } = stack.pop()!;
      if (begin >= 0) bodies.set(holder, tokens.slice(begin).join(""));
    } else if (part !== "," && part !== ":") {
      const value = /^[-\d]/.test(part) ? readNumber(part) : (JSON.parse(part) as unknown);
      const isKey = open && !Array.isArray(open.holder) && open.key === undefined;
      if (isKey) open.key = value as string;
      else put(value);
    }
  }
  return { value: root, bodies };
}

/** As `JSON.parse` does: assigned, `__proto__` would set the prototype and vanish. */
function setOwn(holder: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") holder[key] = value;
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function readNumber(text: string): number | ExactNumber {
  const value = Number(text);
  if (!rawJSON || (text.length <= 15 && !/e/i.test(text))) return value;
  return Number.isFinite(value) && isSameNumber(value, { rawJSON: text }) ? value : rawJSON(text);
}

/** Whether both are the same number, to the last digit. */
export function isSameNumber(one: number | ExactNumber, other: number | ExactNumber): boolean {
  return one === other || decimalOf(one) === decimalOf(other);
}

/** The same text for the same number, however it is written: its digits without zeros around them, and the power of ten behind them. */
export function decimalOf(number: number | ExactNumber): string {
  const text = typeof number === "number" ? String(number) : number.rawJSON;
  const [, sign, whole, fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  // A power that is no safe integer is compared as it is written: nobody means such a number.
  if (whole === undefined || power.length > 15) return text;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutZeros(digits);
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(power) - fraction.length + digits.length - significant.length}`;
}

/** A pattern for the zeros at the end would try each run of zeros before them. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/**
 * Gives an input the text of its `body` in place of the object or list that it is: what is passed through is not to be
 * written anew, in another order of its fields or with other digits.
 */
export function withBodyText(input: unknown, { bodies }: ExactJson): void {
  if (typeof input !== "object" || input === null || !("body" in input)) return;
  const text = bodies.get(input.body);
  if (text !== undefined) input.body = text;
}
