import { DAY, MINUTE } from "./time/calendar.ts";

/** How long things are kept that nobody takes away before. */
export const kept = {
  /** The answer to a request with an idempotency key, which is given again until then. */
  answersMs: DAY,
  /** History, unless the settings say otherwise. */
  historyDays: 30,
  /** Executions that failed, unless the settings say otherwise. */
  deadLetterDays: 90,
  /** The audit: longer than history, whatever the settings say of that. */
  auditDays: 400,
} as const;

/**
 * What one caller fails to do with one operation in this time, and for one reason, is one entry of the audit that counts:
 * whoever has a token and asks without end fills no table. Whoever has none leaves no entry at all.
 */
export const countedTogetherMs = 10 * MINUTE;
