import type { OperationName, Output, ParsedInput } from "@org/scheduler-contract";
import { afterTest } from "../channels/operations.ts";
import type { Caller } from "../access/caller.ts";
import type { Db } from "../database/tables.ts";

/** What is done once the transaction of a change is over, such as waiting for what comes of it. */
export type FollowUp<Name extends OperationName> = (
  context: { db: Db; caller: Caller; signal: AbortSignal | undefined },
  output: Output<Name>,
  input: ParsedInput<Name>,
) => Promise<Output<Name>>;

export const followUps: { [Name in OperationName]?: FollowUp<Name> } = { test_channel: afterTest };
