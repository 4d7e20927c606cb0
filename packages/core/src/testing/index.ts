export { type MatrixAction, type MatrixParty, trinityMatrix } from "./matrix.ts";
export { testClock, type TestClock } from "./clock.ts";
export { drain, type Drained, noRoom, roomFor } from "./drain.ts";
export { startPostgres } from "./postgres-server.ts";
export { type Answerer, type Arrival, startTarget, type Target } from "./target.ts";
export { passTime } from "./pass-time.ts";
