import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { answered } from "../testing/answered.ts";
import type { Answer, RawAnswer } from "./answer.ts";
import { failedAssertion } from "./assertions.ts";
import { toRecord } from "./record.ts";

const kept = 64 * 1024;
type Headers = Record<string, string>;

async function read(
  bytes: Buffer | string,
  headers: Headers = {},
  more: Partial<RawAnswer> = {},
): Promise<Answer> {
  const { status, errorCode, error, statusCode, latencyMs } = answered;
  const raw = {
    status,
    errorCode,
    error,
    statusCode,
    latencyMs,
    headers,
    truncated: false,
    redirectedTo: null,
  };
  return toRecord({ ...raw, chunks: [Buffer.from(bytes)], ...more });
}

const said = '{"grüße": "日本 🚀"}';
const packed: Record<string, Buffer> = {
  gzip: zlib.gzipSync(said),
  "x-gzip": zlib.gzipSync(said),
  GZIP: zlib.gzipSync(said),
  deflate: zlib.deflateSync(said),
  "deflate ": zlib.deflateRawSync(said),
  br: zlib.brotliCompressSync(said),
  zstd: zlib.zstdCompressSync(said),
  "identity, gzip": zlib.gzipSync(said),
  "gzip, br": zlib.brotliCompressSync(zlib.gzipSync(said)),
  "deflate, gzip, zstd": zlib.zstdCompressSync(zlib.gzipSync(zlib.deflateSync(said))),
};

describe("a coding", () => {
  test.each(Object.keys(packed))("%s is taken off", async (coding) => {
    const answer = await read(packed[coding]!, { "content-encoding": coding });
    expect(answer).toMatchObject({ body: said, encoding: "text", truncated: false });
    const holds = { type: "json_path_equals", path: '$["grüße"]', value: "日本 🚀" } as const;
    expect(failedAssertion([holds], answer)).toBeNull();
  });

  test.each(["gzip", "deflate", "br", "zstd"])(
    "%s of too much is unpacked as far as is kept",
    async (coding) => {
      const long = Buffer.from("0123456789abcdef".repeat(1_000_000));
      const bytes = {
        gzip: zlib.gzipSync(long),
        deflate: zlib.deflateSync(long),
        br: zlib.brotliCompressSync(long, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
        zstd: zlib.zstdCompressSync(long),
      }[coding]!;
      const answer = await read(bytes, { "content-encoding": coding });
      expect(answer).toMatchObject({ body: long.toString("latin1", 0, kept), truncated: true });
    },
  );

  test.each(["gzip", "deflate", "br", "zstd"])("%s that breaks off gives what there is", async (coding) => {
    const text = Array.from({ length: 9000 }, (_, i) => `line ${i * 7919}\n`).join("");
    const whole = {
      gzip: zlib.gzipSync(text),
      deflate: zlib.deflateSync(text),
      br: zlib.brotliCompressSync(text),
      zstd: zlib.zstdCompressSync(text),
    }[coding]!;
    const half = whole.subarray(0, Math.floor(whole.length * 0.9));
    const { body, encoding } = await read(half, { "content-encoding": coding }, { truncated: true });
    expect(encoding).toBe("text");
    expect(text.startsWith(body!)).toBe(true);
  });

  test("within a coding that unpacks to gigabytes is not waited for", async () => {
    const bomb = zlib.gzipSync(zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, "x"), { level: 1 }));
    const answer = await read(bomb, { "content-encoding": "gzip, gzip" });
    expect(answer).toMatchObject({ body: "x".repeat(kept), truncated: true });
  });

  test.each<[string, Buffer, string]>([
    ["that nobody knows", Buffer.from([0x80, 0, 1, 2]), "snappy"],
    ["that is not what it says", Buffer.from([0x80, 0, 1, 2]), "gzip"],
    [
      "that is broken",
      Buffer.concat([zlib.gzipSync("x".repeat(9999)).subarray(0, 20), Buffer.alloc(40, 0xff)]),
      "gzip",
    ],
    ["too many times", zlib.gzipSync("x"), "gzip, gzip, gzip, gzip, gzip"],
  ])("%s leaves the bytes, and says so", async (_, bytes, coding) => {
    const answer = await read(bytes, { "content-encoding": coding });
    expect(answer).toMatchObject({ body: bytes.toString("base64"), encoding: "base64", truncated: false });
    const contains = { type: "body_contains", value: "=" } as const;
    expect(failedAssertion([contains], answer)).toContain("could not be read as text");
  });

  test.each(["gzip", "utf-8", "none"])("%s of what is plain text leaves the text", async (coding) => {
    expect(await read("plain", { "content-encoding": coding })).toMatchObject({
      body: "plain",
      encoding: "text",
    });
  });

  test("of the worst bombs of a whole worker at once takes little memory", async () => {
    const bomb = zlib.brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), {
      params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 },
    });
    const before = process.memoryUsage.rss();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () =>
        read(bomb, { "content-encoding": "br", "content-type": "text/plain" }),
      ),
    );
    for (const { truncated } of answers) expect(truncated).toBe(true);
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(400);
  });

  test("of nothing is nothing", async () => {
    expect(await read("", { "content-encoding": "gzip" })).toMatchObject({ body: "", encoding: "text" });
  });
});

describe("a charset", () => {
  test.each<[string, string, number[], string]>([
    ["is read", "text/html; charset=iso-8859-1", [0x63, 0x61, 0x66, 0xe9], "café"],
    ["in any case and quotes", 'text/html; Charset="ISO-8859-15"', [0xa4], "€"],
    ["of Windows", "text/html;charset=windows-1252", [0x80], "€"],
    ["of Japan", "text/plain; charset=shift_jis", [0x93, 0xfa], "日"],
    ["of Korea", "text/plain; charset=euc-kr", [0xb0, 0xa1], "가"],
    ["of China", "text/plain; charset=gb18030", [0xc4, 0xe3], "你"],
    ["of two bytes", "text/plain; charset=utf-16be", [0x00, 0x41], "A"],
    ["is less than a byte order mark", "text/plain; charset=iso-8859-1", [0xff, 0xfe, 0x41, 0x00], "A"],
    ["need not be there", "application/json", [0xc3, 0xa9], "é"],
    ["may be none that anybody knows", "text/plain; charset=klingon", [0x61], "a"],
    ["may be wrong", "text/plain; charset=utf-8", [0x61, 0xe9, 0x62], "a\uFFFDb"],
    ["may be missing where it is needed", "text/plain", [0x61, 0xe9, 0x62], "a\uFFFDb"],
    ["is not part of the text", "text/plain", [0xef, 0xbb, 0xbf, 0x61], "a"],
  ])("%s", async (_, type, bytes, text) => {
    expect(await read(Buffer.from(bytes), { "content-type": type })).toMatchObject({
      body: text,
      encoding: "text",
    });
  });

  test("makes no text longer than is kept", async () => {
    const bytes = Buffer.alloc(kept, 0xe9);
    const { body, truncated } = await read(bytes, { "content-type": "text/plain; charset=latin1" });
    expect([body, truncated]).toEqual(["é".repeat(kept / 2), true]);
  });

  test.each(["é", "日", "🚀"])("cuts no %s in two", async (character) => {
    for (let cut = 1; cut < Buffer.byteLength(character); cut++) {
      const bytes = Buffer.from(`ab${character}`).subarray(0, 2 + cut);
      expect((await read(bytes, {}, { truncated: true })).body).toBe("ab");
    }
    expect((await read(Buffer.from(`ab${character}`), {}, { truncated: true })).body).toBe(`ab${character}`);
  });
});

test("bytes that are no text are kept as bytes, as many as there is room for", async () => {
  const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
  expect(await read(png, { "content-type": "image/png" })).toMatchObject({
    body: png.toString("base64"),
    encoding: "base64",
    truncated: false,
  });
  const large = Buffer.concat([png, Buffer.alloc(kept, 0x80)]).subarray(0, kept);
  const { body, truncated } = await read(large);
  expect([body!.length, truncated]).toEqual([kept, true]);
});

describe("a header", () => {
  test("that came several times is joined, but for cookies", async () => {
    const several = {
      "x-a": ["1", "2"],
      "set-cookie": ["a=1; Expires=Wed, 01 Jan 2030 00:00:00 GMT", "b=2"],
    };
    const { headers } = await read("", {}, { headers: several });
    expect(headers).toEqual({ ...several, "x-a": "1, 2" });
    const one = { type: "header_equals", name: "Set-Cookie", value: "b=2" } as const;
    expect(failedAssertion([one], { ...answered, headers })).toBeNull();
    expect(failedAssertion([{ ...one, value: "b=3" }], { ...answered, headers })).toContain("b=3");
  });
});
