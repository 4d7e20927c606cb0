/** A worker that has not beaten for this long is taken for dead: five missed beats. */
export const lostAfterMs = 15_000;
