import type { Input, OperationName, Output } from "./operations/index.ts";

/**
 * The one port: carries out operations for somebody. The core in this process is one adapter, the client over
 * HTTP the other. Throws SchedulerError.
 */
export type Execute = <Name extends OperationName>(
  name: Name,
  input: Input<Name>,
  options?: CallOptions,
) => Promise<Output<Name>>;

/** What a caller says of a call besides its input. */
export interface CallOptions {
  /** Aborted once nobody waits for the answer any more: an operation that waits ends then, a change does not. */
  signal?: AbortSignal | undefined;
  /** It is part of a call that was made already: no policy counts it, nor asks somebody about it. */
  aside?: boolean | undefined;
}

/** How an operation was called by a face that has names of its own for what it offers. */
export interface CallFace {
  dialect: string;
  tool: string;
  args: unknown;
  /** The arguments that the tool requires. */
  required: readonly string[];
}

/** Who is asking, as far as a face needs to know. */
export interface CallerView {
  /** May only use operations of risk `read`. */
  readonly readOnly: boolean;
}

/** What a face knows of the request behind a call. */
export interface RequestContext extends CallOptions {
  /** Where it came from, as the connection says: who guesses passwords is told apart by it. */
  address?: string | undefined;
  /** The delivery that made its target ask: an execution, by the id that the target received as `Sched-Delivery-Id`. */
  parent?: string | undefined;
  /** How it came, such as `rest` or `mcp`, and the id that its answer and the log have in common: for the audit. */
  via?: string | undefined;
  requestId?: string | undefined;
  /** How the call was made, where that was by another system's names. */
  face?: CallFace | undefined;
  /** Called where nothing was done: the answer is that of an earlier request with the same `idempotency_key`. */
  onReplayed?: () => void;
}

/** What a server puts a face in front of: resolves a token once, then carries out operations for its caller. */
export interface Backend<Caller extends CallerView = CallerView> {
  /** Throws `unauthenticated` when the token is missing, wrong, expired or revoked. */
  authenticate(token: string | undefined): Promise<Caller>;
  /**
   * `caller` may be missing for public operations only. Checks the input, whatever its declared type.
   */
  execute<Name extends OperationName>(
    name: Name,
    input: Input<Name>,
    caller?: Caller,
    request?: RequestContext,
  ): Promise<Output<Name>>;
  /** Which operations a caller may use at all, whatever the arguments. Absent: those that its token is for. */
  opens?(caller: Caller): Promise<(name: OperationName) => boolean>;
  /** Whether this process can do its work now; each check says what it found. */
  ready(): Promise<Readiness>;
  /** This process's numbers in Prometheus' text format. Absent: it keeps none. */
  metrics?(): Promise<string>;
}

export interface Readiness {
  ready: boolean;
  checks: Record<string, { ok: boolean; detail: string }>;
}
