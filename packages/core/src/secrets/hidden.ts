import { markOf } from "./reference.ts";

/** A text that gives a value away. */
export interface Needle {
  text: string;
  /** In base64: how many neighbours at each side hold some bits of the value. */
  before: number;
  after: number;
  isBase64?: true;
}

/** A value that nobody may see, in each form that has to be looked for as it is; escapes are undone beforehand. */
export interface Hidden {
  mark: string;
  needles: Needle[];
  /** The same where the letter case of ASCII says nothing. */
  lowered: Needle[];
  /** The same among bytes that are read one by one. */
  binary: Needle[];
}

export function hide(name: string, value: string): Hidden {
  // Around the value of a header, white space is lost.
  const text = value.trim() === "" ? value : value.trim();
  const bytes = Buffer.from(text);
  const others = base64Needles(bytes);
  const needles = [plain(text), ...spaced(text), ...others];
  return {
    mark: markOf(name),
    needles,
    lowered: needles.map((needle) => ({ ...needle, text: lowerCase(needle.text) })),
    binary: [bytes, ...asUtf16(text)].map((one) => plain(one.toString("latin1"))).concat(others),
  };
}

function asUtf16(text: string): Buffer[] {
  const bytes = Buffer.from(text, "utf16le");
  return [bytes, Buffer.from(bytes).swap16()];
}

// oxlint-disable-next-line no-control-regex -- all of ASCII
const isAscii = /^[\x00-\x7f]*$/;

/** Of ASCII alone: a text keeps its length. */
export function lowerCase(text: string): string {
  return isAscii.test(text)
    ? text.toLowerCase()
    : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function plain(text: string): Needle {
  return { text, before: 0, after: 0 };
}

/** Forms write a space as a plus; texts of several lines come back with either kind of line break. */
function spaced(text: string): Needle[] {
  const forms = new Set([
    text.replaceAll(" ", "+"),
    text.replace(/\r?\n/g, "\n"),
    text.replace(/\r?\n/g, "\r\n"),
  ]);
  forms.delete(text);
  return [...forms].map(plain);
}

/** Shorter runs of base64 are found in anything. */
const shortest = 4;

/** What base64 makes of bytes wherever they begin: of those around them, it knows nothing (as in `user:secret`). */
function base64Needles(bytes: Buffer): Needle[] {
  const whole = bytes.toString("base64").replace(/=+$/, "");
  const shifted = [0, 1, 2].map((shift): Needle => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const bits = (shift + bytes.length) * 8;
    const begin = shift === 0 ? 0 : shift + 1;
    const end = Math.floor(bits / 6);
    return {
      text: text.slice(begin, end),
      before: begin > 0 ? 1 : 0,
      after: bits % 6 === 0 ? 0 : 1,
      isBase64: true,
    };
  });
  const needles = [
    ...(bytes.length < shortest ? [plain(whole)] : []),
    ...shifted.filter(({ text }) => text.length >= shortest),
  ];
  return needles.flatMap((needle) => {
    const url = needle.text.replaceAll("+", "-").replaceAll("/", "_");
    return url === needle.text ? [needle] : [needle, { ...needle, text: url }];
  });
}
