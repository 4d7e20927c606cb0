import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AttemptStatus } from "@org/scheduler-contract";

/** What this process tells Prometheus about the road of a fire. */
export interface Metrics {
  /** How late the first request of a slot left, in milliseconds. */
  lateness(ms: number): void;
  attempt(status: AttemptStatus, ms: number): void;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
}

/** Numbers that are read when somebody asks for them. */
export interface Gauges {
  slots(): { busy: number; free: number };
  /** Milliseconds since each loop of each worker last turned. */
  loopAges(): Record<string, number>;
  connections(): { total: number; idle: number; waiting: number };
  /** Slots and retries whose time has come, and how long the oldest of them waits. */
  due(): Promise<{ count: number; oldestSeconds: number }>;
}

const seconds = (ms: number): number => Math.max(ms, 0) / 1000;
const latenessBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30_000, 300_000].map(seconds);
const durationBuckets = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 300_000].map(
  seconds,
);

/** A registry of our own: a host's metrics are the host's matter. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const lateness = new Histogram({
    name: "scheduler_lateness_seconds",
    help: "From the instant a slot was due to its first request leaving",
    buckets: latenessBuckets,
    registers,
  });
  const duration = new Histogram({
    name: "scheduler_attempt_duration_seconds",
    help: "From a request leaving to the end of its answer",
    buckets: durationBuckets,
    registers,
  });
  const attempts = new Counter({
    name: "scheduler_attempts_total",
    help: "Attempts by outcome",
    labelNames: ["status"],
    registers,
  });
  registerGauges(gauges, registers);
  return {
    lateness: (ms) => lateness.observe(seconds(ms)),
    attempt(status, ms) {
      attempts.inc({ status });
      duration.observe(seconds(ms));
    },
    text: () => registry.metrics(),
  };
}

function registerGauges(gauges: Gauges, registers: Registry[]): void {
  const labelled = (name: string, help: string, label: string, read: () => Record<string, number>): void => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number);
      },
    });
  };
  labelled("scheduler_slots", "Slots of this process's workers", "state", gauges.slots);
  labelled("scheduler_database_connections", "Connections of this process", "state", gauges.connections);
  labelled("scheduler_loop_age_seconds", "Since each loop last turned", "loop", () =>
    Object.fromEntries(Object.entries(gauges.loopAges()).map(([loop, age]) => [loop, seconds(age)])),
  );
  const oldest = new Gauge({
    name: "scheduler_due_oldest_seconds",
    help: "How long the oldest due slot waits",
    registers,
  });
  new Gauge({
    name: "scheduler_due",
    help: "Slots and retries whose time has come and that nobody has planned yet, up to 10,000",
    registers,
    async collect() {
      const { count, oldestSeconds } = await gauges.due();
      this.set(count);
      oldest.set(oldestSeconds);
    },
  });
}
