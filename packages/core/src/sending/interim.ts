import type { Socket } from "node:net";

/** Longer than any interim answer needs to be; what goes on beyond that is for the parser to refuse. */
const maxHead = 16 * 1024;

/**
 * Takes interim answers (100 to 199, RFC 9110 §15.2) out of what undici reads: any number of them may come before the final
 * one, but undici 8 closes the connection over a 100 that nobody asked for, and the request, which the target may have
 * carried out by then, would be sent again. 101 stays: nothing can follow an upgrade that nobody asked for.
 */
export function withoutInterim(socket: Socket): Socket {
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  // A request was written, and its final answer has not begun.
  let awaiting = false;
  let held: Buffer | undefined;

  function filter(chunk: Buffer): Buffer | null {
    let data = held ? Buffer.concat([held, chunk]) : chunk;
    held = undefined;
    for (;;) {
      const what = lookAt(data);
      if (what === "cut" && data.length <= maxHead) {
        held = data;
        return null;
      }
      if (typeof what === "string") {
        awaiting = false;
        return data;
      }
      data = data.subarray(what.end);
      if (data.length === 0) return null;
    }
  }

  socket.read = (size?: number): Buffer | null => {
    const chunk = read(size);
    return chunk !== null && awaiting ? filter(chunk) : chunk;
  };
  socket.write = ((...args: unknown[]) => {
    awaiting = true;
    return write(...args);
  }) as Socket["write"];
  return socket;
}

const statusLine = "HTTP/1.x 1xx ";

/** Where the interim answer ends that data begins with; whether it is cut off, or is none. */
function lookAt(data: Buffer): "cut" | "final" | { end: number } {
  const text = data.toString("latin1", 0, statusLine.length);
  if (
    !/^(?:H|HT|HTT|HTTP|HTTP\/|HTTP\/1|HTTP\/1\.(?:\d(?: (?:1(?:\d(?:\d(?:[ \r\n])?)?)?)?)?)?)?$/.test(text)
  )
    return "final";
  if (text.slice(9, 12) === "101") return "final";
  const end = data.indexOf("\r\n\r\n");
  return end === -1 ? "cut" : { end: end + 4 };
}
