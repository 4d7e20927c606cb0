import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** What a name server says of a name: its addresses, IPv4 only; a refusal; or nothing at all. */
type Says = string[] | "no such name" | "failure" | "silence";

/** A real name server on loopback. */
export interface NameServer {
  /** As c-ares takes it. */
  address: string;
  /** The names that IPv4 addresses were asked for. */
  asked: string[];
  /** What is said of a name from now on; `no such name` until told. */
  say(name: string, says: Says | Promise<Says>): void;
  close(): Promise<void>;
}

const codes = { failure: 2, "no such name": 3 };
const typeA = 1;

export async function startNameServer({ ttlSeconds = 0 } = {}): Promise<NameServer> {
  const known = new Map<string, Says | Promise<Says>>();
  const asked: string[] = [];
  const socket = createSocket("udp4", (query, sender) => {
    void answer(query).then((reply) => {
      if (reply && open) socket.send(reply, sender.port, sender.address);
    });
  });
  let open = true;

  /** RFC 1035, section 4: the question comes back with the answers behind it. */
  async function answer(query: Buffer): Promise<Buffer | undefined> {
    const { name, type, end } = questionOf(query);
    if (type === typeA) asked.push(name);
    const says = (await known.get(name)) ?? "no such name";
    if (says === "silence") return undefined;
    const addresses = typeof says === "string" || type !== typeA ? [] : says;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (typeof says === "string" ? codes[says] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) => {
      const record = Buffer.alloc(16);
      // The name is the one at offset 12.
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(typeA, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttlSeconds, 6);
      record.writeUInt16BE(4, 10);
      record.set(address.split(".").map(Number), 12);
      return record;
    });
    return Buffer.concat([header, query.subarray(12, end), ...records]);
  }

  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    asked,
    say: (name, says) => void known.set(name, says),
    async close() {
      open = false;
      socket.close();
      await once(socket, "close");
    },
  };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let size = query[at]!; size > 0; size = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + size));
    at += size + 1;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}
