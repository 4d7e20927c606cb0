/**
 * What time it is for the engine. The database's clock rules, so that no machine's own clock can move a fire:
 * `now()` is null in production, and SQL reads `coalesce($now, now())`. Tests give instants of their own.
 */
export interface Clock {
  now(): Date | null;
}

/** The clock of production: whatever the database says. */
export const databaseClock: Clock = { now: () => null };
