import { pathOf } from "../harness/statistics.ts";

export interface ContenderSettings {
  databaseUrl: string;
  /** Only BullMQ needs it. */
  redisUrl?: string | undefined;
  /** Requests under way at once. */
  slots: number;
  tunedFor: Tuning;
  /** Notes how long each SQL statement takes; ours only. */
  watch?: boolean;
}

/** What a peer is tuned for where one setting cannot be best for both. */
export type Tuning = "throughput" | "lateness";

/** Requests to be sent, one job for each. */
export interface Work {
  url: string;
  count: number;
  /** When each is due, in milliseconds since the epoch; at once where it is left out. */
  dueAt?: number[];
}

/** A peer in its own process. */
export interface Peer {
  /** Stores the work in the fastest way that the peer documents. */
  store(work: Work): Promise<void>;
  start(): Promise<void>;
}

/** How many jobs go into one call where a peer takes many. */
const chunkSize = 5000;

/** The work in chunks, each job made by `job`. */
export function* chunksOf<Job>(
  work: Work,
  job: (url: string, dueAt: number | undefined) => Job,
): Generator<Job[]> {
  for (let from = 0; from < work.count; from += chunkSize) {
    const size = Math.min(chunkSize, work.count - from);
    yield Array.from({ length: size }, (_, index) => {
      const dueAt = work.dueAt?.[from + index];
      return job(work.url + pathOf(dueAt ?? 0, from + index), dueAt);
    });
  }
}
