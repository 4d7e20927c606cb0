import { Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import type { StdioServerHandle } from "@modelcontextprotocol/server/stdio";
import { buildServer } from "./build-server.ts";
import type { BuildServerOptions } from "./build-server.ts";
import { readMessage } from "./read-message.ts";

/** Serves MCP over this process's standard input and output, to whoever started it. */
export function serveMcpStdio(options: BuildServerOptions): StdioServerHandle {
  const onerror = (error: Error) => options.log?.error({ err: error }, "mcp over stdio");
  const transport = new StdioServerTransport(process.stdin.pipe(readLines()), process.stdout);
  return serveStdio(() => buildServer(options), { transport, onerror });
}

/** Far beyond what a message may hold; the transport refuses a longer one. */
const maxLine = 10 * 1024 * 1024;

/** The transport parses by itself, and would lose digits: it gets each message as we read it. */
function readLines(): Transform {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split("\n");
      rest = lines.pop()!;
      const read = lines.map((line) => `${readLine(line)}\n`).join("");
      if (rest.length <= maxLine) return done(null, read);
      done(null, read + rest);
      rest = "";
    },
  });
}

/** What is no JSON goes on as it is, and the transport drops it. */
function readLine(line: string): string {
  try {
    return JSON.stringify(readMessage(line));
  } catch {
    return line;
  }
}
