import {
  type Backend,
  type Operation,
  type OperationName,
  operations,
  type Operations,
  type ParsedInput,
  parseInput,
  SchedulerError,
} from "@org/scheduler-contract";
import { authorize } from "../access/authorize.ts";
import type { Caller } from "../access/caller.ts";
import type { Gate } from "../access/policy/gate.ts";
import type { Clock } from "../clock.ts";
import { readNow } from "../database/now.ts";
import type { Db } from "../database/tables.ts";
import { committed, rolledBack } from "../database/transaction.ts";
import type { Carrier } from "../rules/tell.ts";
import type { Log } from "../log.ts";
import { recordDone, recordingFailures } from "./audit.ts";
import type { Context, FollowUp, Handlers, PublicContext, ReadContext, WriteContext } from "./context.ts";
import { followUps } from "./handlers.ts";
import { once } from "./once.ts";

interface Parts {
  db: Db;
  gate: Gate;
  deliveries: Carrier;
  clock: Clock;
  log: Log;
  handlers: Handlers<OperationName>;
  cipher: WriteContext["cipher"];
  sendsMail: boolean;
  allowedTargets: WriteContext["allowedTargets"];
}

/** What becomes of every call, whichever face it came through: one step after the other. */
export function createExecute({ db, handlers, clock, log, ...parts }: Parts): Backend<Caller>["execute"] {
  const { gate } = parts;
  const now = (): Promise<Date> => readNow(db, clock.now());

  return async (name, input, caller, request = {}) => {
    const operation: Operation = find(name);
    const handle = (context: PublicContext | ReadContext | WriteContext, parsed: ParsedInput<typeof name>) =>
      handlers[name](context as Context<typeof name>, parsed);

    if (operation.access === "public")
      return handle({ db, now, address: request.address }, parse(operation, input));
    if (!caller) throw needsCaller();
    const { dry_run, idempotency_key: key } = fieldsOf(input);
    const dryRun = dry_run === true;
    const call = { input, face: request.face, dryRun, aside: request.aside === true };
    const change = { caller, operation, input, dryRun, request };
    const { parsed, answer } = await recordingFailures({ db, now, log }, change, async () => {
      authorize(caller, operation);
      const admission = await gate.admit(caller, operation, call);
      const parsed = parse<typeof name>(operation, input);
      const counted = await admission?.count();
      if (operation.risk === "read") {
        await admission?.takeApprovals(db);
        return { parsed, answer: await handle({ db, caller, gate, now, signal: request.signal }, parsed) };
      }
      const carriedOut = await (dryRun ? rolledBack : committed)(db, async (tx) => {
        const at = counted ?? (await readNow(tx, clock.now()));
        const context = { ...parts, tx, caller, now: at, dryRun, parent: request.parent };
        const asked = { key, operation: name, input: parsed, onReplayed: request.onReplayed };
        return once(context, asked, async () => {
          await admission?.takeApprovals(tx);
          const answer = await handle(context, parsed);
          await recordDone(context, { ...change, input: parsed }, answer);
          return answer;
        });
      });
      return { parsed, answer: carriedOut };
    });
    const followUp = followUps[name] as FollowUp<typeof name> | undefined;
    if (!followUp || dryRun) return answer;
    return followUp({ db, caller, gate, signal: request.signal }, answer, parsed);
  };
}

function parse<Name extends OperationName>(operation: Operation, input: unknown): ParsedInput<Name> {
  return parseInput(operation, input) as ParsedInput<Name>;
}

function fieldsOf(input: unknown): { dry_run?: unknown; idempotency_key?: string } {
  return typeof input === "object" && input !== null ? input : {};
}

function find<Name extends OperationName>(name: Name): Operations[Name] {
  if (Object.hasOwn(operations, name)) return operations[name];
  throw new SchedulerError("not_found", `There is no operation "${name}".`, {
    hint: `Known operations: ${Object.keys(operations).join(", ")}.`,
  });
}

function needsCaller(): SchedulerError {
  return new SchedulerError("unauthenticated", "This needs a caller.", { hint: "Authenticate first." });
}
