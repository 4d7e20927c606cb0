import { createHash } from "node:crypto";
import { TypeID } from "typeid-js";
import { stringify, v7 } from "uuid";
import { SchedulerError } from "@org/scheduler-contract";

/** The prefix of each kind of id, as callers see it: `job_01h455vb4pex5vsknk084sn02q`. */
export type IdPrefix =
  | "job"
  | "exec"
  | "dlv"
  | "rpl"
  | "queue"
  | "tok"
  | "ws"
  | "usr"
  | "sgn"
  | "sec"
  | "chan"
  | "rule"
  | "agent"
  | "appr"
  | "audit";

/** A new UUIDv7 whose time part is `at`, the database's time: a worker's clock must not reorder history. */
export function newId(at: Date): string {
  return v7({ msecs: at.getTime() });
}

/** New ids of one instant, each greater than the one before: what is created together keeps its order. */
export function newIds(at: Date, count: number): string[] {
  const first = Math.floor(Math.random() * 2 ** 30);
  return Array.from({ length: count }, (_, index) => v7({ msecs: at.getTime(), seq: first + index }));
}

/**
 * The id of the execution of a job's slot: the slot's time and the job's own random part. The same slot always has
 * the same id, also after a restore from a backup, so a second execution of it has no place to be.
 */
export function slotId(jobId: string, slot: Date): string {
  const time = slot.getTime().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${jobId.slice(15)}`;
}

/** The id that a text has at an instant: always the same, and no other text has it. */
export function sameId(at: Date, text: string): string {
  return v7({ msecs: at.getTime(), random: createHash("sha256").update(text).digest() });
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const pairs = Array.from({ length: 1024 }, (_, bits) => alphabet[bits >> 5]! + alphabet[bits & 31]!);

/**
 * The id as callers see it: a TypeID. Written out here because each request carries two of them, and the library takes
 * ten times as long. https://github.com/jetify-com/typeid/tree/main/spec
 */
export function toPublicId(prefix: IdPrefix, uuid: string): string {
  const hex = uuid.replaceAll("-", "");
  let text = pairs[parseInt(hex.slice(0, 2), 16)]!;
  for (let at = 2; at < 32; at += 5) {
    const bits = parseInt(hex.slice(at, at + 5), 16);
    text += pairs[bits >> 10]! + pairs[bits & 1023]!;
  }
  return `${prefix}_${text}`;
}

/** The UUID behind a caller's id, or undefined where the text is no id of this kind. */
export function fromPublicId(prefix: IdPrefix, id: string): string | undefined {
  try {
    return TypeID.fromString(id, prefix).toUUID();
  } catch {
    return undefined;
  }
}

/**
 * Says `not_found`: a caller's id has nothing behind it, or another workspace's. `shown` says where the caller's own ids
 * are shown.
 */
export function noSuch(
  noun: string,
  id: string,
  {
    prefix,
    field = `${noun.replaceAll(" ", "_")}_id`,
    shown,
  }: { prefix: IdPrefix; field?: string; shown: string },
): SchedulerError {
  return new SchedulerError("not_found", `There is no ${noun} ${id.slice(0, 64)}.`, {
    field,
    hint: `Ids look like ${prefix}_01h455vb4pex5vsknk084sn02q; ${shown}.`,
  });
}

/** The smallest UUIDv7 of an instant: ids made before it sort below, ids made at or after it do not. */
export function firstIdAt(at: Date): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(at.getTime()) << 16n);
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  return stringify(bytes);
}
