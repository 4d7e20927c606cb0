import type { Answer } from "./answer.ts";

/** Where an execution's request goes, of all that a workspace's half sends. */
interface Destination {
  id: string;
  scope_id: number;
  host: string;
}

export interface OpenCircuit {
  scope_id: number;
  host: string;
  opened_at: Date;
  /** When a request is let through again. */
  probe_at: Date;
  /** Requests in a row without an answer. */
  failures: number;
}

/**
 * Keeps requests from hosts that have not answered for long. What a worker knows of them, by scope: whom nobody
 * answers is nobody else's business. Times are in ms since 1970.
 */
export interface Circuits {
  /** Lets a request leave, or says for how long it is held back. */
  ask(execution: Destination, now: number): { untilMs: number; failures: number } | "leaves";
  /** Learns from what came of a request that left. */
  notice(execution: Destination, answer: Answer, now: number): void;
  open(): OpenCircuit[];
}

interface Circuit {
  scopeId: number;
  host: string;
  failures: number;
  openedAt: number | null;
  pauseMs: number;
  probeAt: number;
  /** The execution whose request is the probe. */
  probing: string | null;
}

const failuresToOpen = 10;
const firstPauseMs = 1000;
const longestPauseMs = 30_000;

/** Hosts without an answer that are remembered; beyond, those that were asked the longest time ago are forgotten. */
const remembered = 10_000;

export function createCircuits(most = remembered): Circuits {
  const circuits = new Map<string, Circuit>();

  function fail(key: string, { id, scope_id: scopeId, host }: Destination, now: number): void {
    const circuit = circuits.get(key) ?? closed(scopeId, host);
    circuit.failures++;
    if (circuit.probing === id) pause(circuit, Math.min(circuit.pauseMs * 2, longestPauseMs), now);
    else if (circuit.openedAt === null && circuit.failures >= failuresToOpen) {
      circuit.openedAt = now;
      pause(circuit, firstPauseMs, now);
    }
    circuits.delete(key);
    circuits.set(key, circuit);
    const [oldest] = circuits.keys();
    if (circuits.size > most) circuits.delete(oldest!);
  }

  return {
    ask({ id, scope_id, host }, now) {
      const circuit = circuits.get(keyOf(scope_id, host));
      if (circuit === undefined || circuit.openedAt === null) return "leaves";
      const { failures, probing, probeAt, pauseMs } = circuit;
      if (probing !== null) return { failures, untilMs: now + pauseMs };
      if (now < probeAt) return { failures, untilMs: probeAt };
      circuit.probing = id;
      return "leaves";
    },
    notice(execution, answer, now) {
      const key = keyOf(execution.scope_id, execution.host);
      const said = saysOfHost(answer);
      if (said === "no answer") return fail(key, execution, now);
      if (said === "answer") return void circuits.delete(key);
      const circuit = circuits.get(key);
      // The probe was cut short: another one goes at once.
      if (circuit?.probing === execution.id) circuit.probing = null;
    },
    open: () =>
      [...circuits.values()].flatMap(({ scopeId, host, failures, openedAt, probeAt }) => {
        if (openedAt === null) return [];
        const [opened_at, probe_at] = [new Date(openedAt), new Date(probeAt)];
        return [{ scope_id: scopeId, host, opened_at, probe_at, failures }];
      }),
  };
}

const keyOf = (scopeId: number, host: string): string => `${scopeId} ${host}`;

function closed(scopeId: number, host: string): Circuit {
  return { scopeId, host, failures: 0, openedAt: null, pauseMs: 0, probeAt: 0, probing: null };
}

function pause(circuit: Circuit, ms: number, now: number): void {
  Object.assign(circuit, { pauseMs: ms, probeAt: now + ms, probing: null });
}

/** A status, whatever came of its body, is a sign of life; what was not sent, or cut short, tells nothing. */
function saysOfHost({ status, errorCode, statusCode }: Answer): "answer" | "no answer" | "nothing" {
  if (status === "interrupted" || status === "canceled") return "nothing";
  if (statusCode !== null) return "answer";
  const unsent = ["invalid_request", "circuit_open", "signing", "gone"].includes(errorCode ?? "");
  return status === "blocked" || unsent ? "nothing" : "no answer";
}
