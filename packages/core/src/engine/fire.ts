import { notify } from "../database/notices.ts";
import { take } from "./dispatch.ts";
import type { Engine } from "./engine.ts";
import { takeLanes, untilNextTurn } from "./lanes.ts";
import { plan } from "./plan.ts";
import { type Destination, shareOf } from "./shares.ts";
import type { Slots } from "./slots.ts";

/** The loop that fills the slots with what is due. */
export interface Firing {
  /** Answers how many milliseconds to pause before the next. */
  turn(): Promise<number>;
  /** More is ready than there are slots. */
  hasBacklog(): boolean;
  /** Somebody put tickets in. */
  noticeTickets(): void;
  /** Somebody's turn may have come in a queue: a place is free there, or it goes on. */
  noticeLanes(): void;
  /** A slot is free again, and somebody may wait for it. */
  noticeAnswer(destination: Destination): void;
  stop(): void;
}

/** How late a nearer due instant, or a ticket, is noticed that nobody told about. */
const pollMs = 1000;

/** How long slots that free up one by one are gathered while there is a backlog. */
const gatherMs = 20;

/**
 * While there is a backlog, what will be sent within this time at the current rate is claimed ahead: slots do not
 * wait for the database then, and one round trip is for many. Nothing is claimed ahead of targets that hang.
 */
const aheadMs = 60;
/** As a multiple of the slots. */
const maxAhead = 3;

/**
 * To find what lies behind the jobs of a full host, all of those are passed over: not again this soon where that
 * found nothing.
 */
const heldBackMs = 250;

/** Below that of any queue. */
const lowestPriority = -1000;

export function createFiring(
  engine: Engine,
  { workerId, slots, wake }: { workerId: string; slots: Slots; wake: () => void },
): Firing {
  let backlog = false;
  let answers = 0;
  let ahead = 0;
  let lastPass = -Infinity;
  /** Shares of which no more was given in the last pass. */
  let heldBack: string[] = [];
  let passesOverFrom = -Infinity;
  let gathering: NodeJS.Timeout | undefined;
  let ticketsFirst = false;
  let ticketsMayWait = true;
  let ticketsLookedAt = -Infinity;
  let ticketsHeldBack: string[] = [];
  let inLanes = false;
  let lanesMayGoOn = true;
  let lanesLookAgainAt = -Infinity;
  let lanesHeldBack: string[] = [];

  /** A round trip for less room than this waits a moment for more of it. */
  const hasRoom = (): boolean => slots.room(ahead) >= Math.max(1, Math.floor((slots.count + ahead) / 3));

  /** Takes what is due and tickets, either of them first in turns, so that neither waits for ever for the other. */
  async function turn(): Promise<number> {
    const since = performance.now() - lastPass;
    if (backlog && !hasRoom() && since < gatherMs) return gatherMs - since;
    // Halfway to the new rate, and never out of all measure: answers come in bursts.
    const wanted = Math.floor((ahead + (answers / since) * aheadMs) / 2);
    ahead = backlog ? Math.min(wanted, slots.count * maxAhead) : 0;
    answers = 0;
    lastPass = performance.now();
    ticketsFirst = !ticketsFirst;
    // Queues that were put before all others always come first, and those that were put last always last.
    await letLanesGoOn(ticketsFirst ? 0 : 1);
    if (ticketsFirst) await takeTickets();
    const { nextInMs, more } = await planPass();
    if (!ticketsFirst) await takeTickets();
    await letLanesGoOn(lowestPriority);
    backlog = more || ticketsMayWait || (inLanes && lanesMayGoOn);
    if (!backlog)
      return Math.min(nextInMs ?? pollMs, untilLanes(), heldBack.length > 0 ? heldBackMs : pollMs);
    if (hasRoom()) return 0;
    return slots.room(ahead) > 0 ? gatherMs : pollMs;
  }

  async function planPass(): Promise<{ nextInMs: number | null; more: boolean }> {
    const passOver = lastPass < passesOverFrom ? [] : heldBack;
    const admission = slots.admission(ahead, passOver);
    const pass = await plan(engine, { workerId, admission, backlog });
    for (const execution of pass.started) slots.hold(execution);
    heldBack = admission.heldBack();
    inLanes = pass.inLanes;
    lanesMayGoOn ||= pass.linedUp;
    const foundNothing = !pass.moved && admission.room > 0 && admission.full.length > 0;
    if (foundNothing) passesOverFrom = lastPass + heldBackMs;
    if (pass.tickets > 0) {
      ticketsMayWait = true;
      // Others may have free slots; the notice is a hint and their poll is the truth.
      await notify(engine.database.db, "tickets");
    }
    const passesOverNext = passOver.length === 0 && heldBack.length > 0 && lastPass >= passesOverFrom;
    const goesOn = pass.moved || admission.room === 0 || passesOverNext;
    return { nextInMs: pass.nextInMs, more: pass.more && goesOn };
  }

  async function takeTickets(): Promise<void> {
    const looks = ticketsMayWait || performance.now() - ticketsLookedAt > pollMs;
    if (!looks || slots.room(ahead) === 0) return;
    ticketsLookedAt = performance.now();
    ticketsMayWait = false;
    const admission = slots.admission(ahead, [...new Set([...heldBack, ...ticketsHeldBack])]);
    const taken = await take(engine, { workerId, admission });
    for (const execution of taken.started) slots.hold(execution);
    ticketsHeldBack = admission.heldBack();
    // What was put back for want of room at its host is not worth another look before that host has answered, but
    // what lies behind it is.
    const seesPast = ticketsHeldBack.length > admission.full.length;
    ticketsMayWait ||= taken.more && (taken.started.length > 0 || seesPast);
  }

  /** Starts what has its turn in queues of at least this priority. */
  async function letLanesGoOn(leastPriority: number): Promise<void> {
    if (!inLanes || slots.room(ahead) === 0) return;
    if (!lanesMayGoOn && performance.now() < lanesLookAgainAt) return;
    const all = leastPriority === lowestPriority;
    if (all) lanesMayGoOn = false;
    const admission = slots.admission(ahead, [...new Set([...heldBack, ...lanesHeldBack])]);
    const { started, more } = await takeLanes(engine, { workerId, admission, leastPriority });
    // They count in their queues already: the next slot that is free is theirs.
    for (const execution of started) slots.hold(execution, { first: true });
    lanesHeldBack = admission.heldBack();
    // Behind those of a host that has just turned out to be full there may be others.
    const goesOn = more || lanesHeldBack.length > admission.full.length;
    lanesMayGoOn ||= goesOn;
    if (!all || goesOn) return;
    const untilMs = await untilNextTurn(engine);
    lanesLookAgainAt = performance.now() + Math.min(pollMs, untilMs);
  }
  const untilLanes = (): number => (inLanes ? Math.max(0, lanesLookAgainAt - performance.now()) : Infinity);

  function endGathering(): void {
    gathering = undefined;
    wake();
  }

  return {
    turn,
    hasBacklog: () => backlog,
    noticeTickets() {
      ticketsMayWait = true;
      if (slots.room(0) > 0) wake();
    },
    noticeLanes() {
      lanesMayGoOn = true;
      if (slots.room(0) > 0) wake();
    },
    noticeAnswer(destination) {
      const share = shareOf(destination);
      answers++;
      ticketsMayWait ||= ticketsHeldBack.includes(share);
      lanesMayGoOn ||= lanesHeldBack.includes(share);
      const lanesWait = inLanes && lanesMayGoOn;
      if (!backlog && !ticketsMayWait && !lanesWait && heldBack.length === 0) return;
      if (hasRoom() || slots.room(ahead) === 1) wake();
      // One of many answers of a host that holds all it may: a pass for each of them would be one for a single slot.
      else if (ticketsMayWait || lanesWait || heldBack.includes(share))
        gathering ??= setTimeout(endGathering, gatherMs);
    },
    stop: () => clearTimeout(gathering),
  };
}
