import type { OperationName, Operations, Output, ParsedInput } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import type { Gate } from "../access/policy/gate.ts";
import type { Cipher } from "../encryption/cipher.ts";
import type { Db, Tx } from "../database/tables.ts";
import type { Carrier, EndingSession } from "../rules/tell.ts";
import type { Range } from "../sending/address-guard.ts";

/** What all operations of callers work with. */
interface CallerContext {
  caller: Caller;
  gate: Gate;
}

/** What public operations work with: nobody is known yet. */
export interface PublicContext {
  db: Db;
  now(): Promise<Date>;
  /** Where the request came from, if anybody knows. */
  address: string | undefined;
}

/** What reading operations work with. */
export interface ReadContext extends CallerContext {
  db: Db;
  /** Asks for the time, the database's or the test's; few readers need it. */
  now(): Promise<Date>;
  /** Aborted once nobody waits for the answer any more. */
  signal: AbortSignal | undefined;
}

/** What changing operations work with: one transaction, one instant. */
export interface WriteContext extends CallerContext {
  tx: Tx;
  /** Carries what is told of executions that end in the transaction. */
  deliveries: Carrier;
  /** The database's time, or the test's. */
  now: Date;
  /** All of it will be rolled back once it has been answered. */
  dryRun: boolean;
  /** Without it nothing can be stored that has to be read again. */
  cipher: Cipher | undefined;
  /** This process can send mail. */
  sendsMail: boolean;
  /** The private ranges that requests may be sent to. */
  allowedTargets: Range[];
  /** The delivery that made its target ask, if any. */
  parent: string | undefined;
}

/** The context of a changing operation, as statements that end executions want it. */
export function sessionIn({ tx, now, deliveries }: WriteContext): EndingSession & { db: Tx; now: Date } {
  return { db: tx, now, deliveries };
}

/** What an operation works with, by its definition. */
export type Context<Name extends OperationName> = Operations[Name]["access"] extends "public"
  ? PublicContext
  : Operations[Name]["risk"] extends "read"
    ? ReadContext
    : WriteContext;

/** Carries out one operation on checked input. */
export type Handler<Name extends OperationName> = (
  context: Context<Name>,
  input: ParsedInput<Name>,
) => Promise<Output<Name>>;

export type Handlers<Name extends OperationName> = { [N in Name]: Handler<N> };

/** What is done once the transaction of a change is over, such as waiting for what comes of it. */
export type FollowUp<Name extends OperationName> = (
  context: CallerContext & { db: Db; signal: AbortSignal | undefined },
  output: Output<Name>,
  input: ParsedInput<Name>,
) => Promise<Output<Name>>;
