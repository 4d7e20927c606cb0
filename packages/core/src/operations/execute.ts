import {
  type Backend,
  type OperationName,
  operations,
  type Operations,
  parseInput,
  SchedulerError,
} from "@org/scheduler-contract";
import { authorize } from "../access/authorize.ts";
import type { Caller } from "../access/caller.ts";
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
  const now = (): Promise<Date> => readNow(db, clock.now());

  return async (name, input, caller, request = {}) => {
    const operation = find(name);
    const parsed = parseInput(operation, input);
    const handle = (context: PublicContext | ReadContext | WriteContext) =>
      handlers[name](context as Context<typeof name>, parsed);

    if (operation.access === "public") return handle({ db, now, address: request.address });
    if (!caller) throw needsCaller();
    if (operation.risk === "read") {
      authorize(caller, operation);
      return handle({ db, caller, now, signal: request.signal });
    }

    const { dry_run, idempotency_key: key } = parsed as { dry_run?: boolean; idempotency_key?: string };
    const dryRun = dry_run === true;
    const change = { caller, operation, input: parsed, dryRun };
    const output = await recordingFailures({ db, now, log }, change, async () => {
      authorize(caller, operation);
      return (dryRun ? rolledBack : committed)(db, async (tx) => {
        const context = {
          ...parts,
          tx,
          caller,
          now: await readNow(tx, clock.now()),
          dryRun,
          parent: request.parent,
        };
        const asked = { key, operation: name, input: parsed, onReplayed: request.onReplayed };
        return once(context, asked, async () => {
          const output = await handle(context);
          await recordDone(context, operation, output);
          return output;
        });
      });
    });
    const followUp = followUps[name] as FollowUp<typeof name> | undefined;
    return followUp && !dryRun ? followUp({ db, caller, signal: request.signal }, output, parsed) : output;
  };
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
