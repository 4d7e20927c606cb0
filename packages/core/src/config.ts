import { z } from "zod";
import type { MailSettings } from "./deliveries/mail.ts";
import { parseRange, type Range } from "./sending/address-guard.ts";

/** What a process of ours was told by its environment, checked and with defaults filled in. */
export interface Config {
  /** Undefined: the embedded database in `dataDir`. */
  databaseUrl: string | undefined;
  dataDir: string;
  host: string;
  /** Undefined: the app's own default. */
  port: number | undefined;
  /** Names besides loopback's under which clients reach this server; undefined: any when it is open to the network. */
  allowedHosts: string[] | undefined;
  /** Origins besides its own whose pages may call this server, as browsers spell them. */
  allowedOrigins: string[];
  /** 32 bytes; undefined where the embedded server may generate its own. */
  encryptionKey: Buffer | undefined;
  /** Reads what was encrypted before the key was changed. */
  previousEncryptionKey: Buffer | undefined;
  jwtSecret: Buffer | undefined;
  bootstrapToken: string | undefined;
  adminEmail: string;
  adminPassword: string | undefined;
  concurrency: number;
  /** Private ranges that outgoing requests may reach. */
  allowedTargets: Range[];
  /** How mails are sent; undefined: none are. */
  mail: MailSettings | undefined;
  /** A policy on calls for every workspace. */
  policyFile: string | undefined;
  /** How many requests a minute are taken with one token … */
  rateLimit: number;
  /** … and from one address without a token that is known. */
  addressRateLimit: number;
  retentionDays: number;
  deadLetterDays: number;
  logLevel: string;
}

/** Settings that are missing or wrong: one message that lists them all. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(`The settings need mending:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

const loopback = ["127.0.0.0/8", "::1/128"];

function entriesOf(list: string): string[] {
  const entries = list.split(",").map((entry) => entry.trim());
  return entries.filter(Boolean);
}

const origins = z.string().transform((text, context): string[] =>
  entriesOf(text).flatMap((entry) => {
    const url = URL.parse(entry);
    const isOrigin = url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
    if (isOrigin && !entry.includes("*")) return [url.origin];
    context.addIssue({
      code: "custom",
      message: `"${entry}" is no single origin; write it like https://app.example or http://localhost:3000`,
    });
    return [];
  }),
);

const ranges = z.string().transform((text, context): Range[] =>
  entriesOf(text).flatMap((entry) => {
    try {
      return [parseRange(entry)];
    } catch {
      context.addIssue({
        code: "custom",
        message: `"${entry}" is no address range; write it like 10.0.0.0/8`,
      });
      return [];
    }
  }),
);

const key = z
  .base64({ error: "must be base64; make one with: openssl rand -base64 32" })
  .transform((text) => Buffer.from(text, "base64"))
  .refine(
    (bytes) => bytes.length === 32,
    "must be 32 bytes in base64; make one with: openssl rand -base64 32",
  );

const whole = (least: number, most: number) => {
  const problem = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number(problem).int(problem).min(least, problem).max(most, problem);
};

const settings = z.object({
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must look like postgresql://user:password@host:5432/database")
    .optional(),
  SCHEDULER_DATA_DIR: z.string().default(".scheduler"),
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(0, 65_535).optional(),
  SCHEDULER_ALLOWED_HOSTS: z.string().transform(entriesOf).optional(),
  SCHEDULER_ALLOWED_ORIGINS: origins.optional(),
  SCHEDULER_ENCRYPTION_KEY: key.optional(),
  SCHEDULER_ENCRYPTION_KEY_PREVIOUS: key.optional(),
  SCHEDULER_JWT_SECRET: z
    .string()
    .min(32, "must have at least 32 characters; make one with: openssl rand -base64 32")
    .transform((text) => Buffer.from(text))
    .optional(),
  SCHEDULER_BOOTSTRAP_TOKEN: z
    .string()
    .regex(/^cron_pat_[A-Za-z0-9_-]{32,200}$/, "must be cron_pat_ and at least 32 letters, digits, - or _")
    .optional(),
  SCHEDULER_ADMIN_EMAIL: z.string().min(3).max(254).default("admin@localhost"),
  SCHEDULER_ADMIN_PASSWORD: z.string().min(8, "must have at least 8 characters").max(1000).optional(),
  SCHEDULER_CONCURRENCY: whole(1, 10_000).default(100),
  SCHEDULER_ALLOWED_TARGETS: ranges.optional(),
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/[^\s/]+/, "must look like smtp://user:password@mail.example.com:587")
    .optional(),
  SMTP_FROM: z
    .string()
    .regex(
      /^[^\r\n]*[^\s@]+@[^\s@]+$|^[^\r\n]*<[^\s@]+@[^\s@]+>$/,
      "must be an address, such as scheduler@example.com",
    )
    .optional(),
  SCHEDULER_POLICY_FILE: z.string().optional(),
  SCHEDULER_RATE_LIMIT: whole(1, 100_000_000).default(600_000),
  SCHEDULER_RATE_LIMIT_ADDRESS: whole(1, 100_000_000).default(6000),
  SCHEDULER_RETENTION_DAYS: whole(1, 3650).default(30),
  SCHEDULER_DEAD_LETTER_DAYS: whole(1, 3650).default(90),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

/** Reads the settings from the environment. Throws ConfigError with everything that is wrong at once. */
export function readEnv(env: NodeJS.ProcessEnv = process.env): Config {
  // A variable set to nothing is the same as one that is not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = settings.safeParse(given);
  const problems = result.success
    ? []
    : result.error.issues.map((issue) => `${issue.path[0]?.toString()}: ${issue.message}`);
  if (given.DATABASE_URL !== undefined) {
    for (const name of ["SCHEDULER_ENCRYPTION_KEY", "SCHEDULER_JWT_SECRET"]) {
      if (given[name] === undefined) {
        problems.push(
          `${name}: is needed with DATABASE_URL, the same in every process; make one with: openssl rand -base64 32`,
        );
      }
    }
  }
  if ((given.SMTP_URL === undefined) !== (given.SMTP_FROM === undefined)) {
    const missing = given.SMTP_URL === undefined ? "SMTP_URL" : "SMTP_FROM";
    problems.push(`${missing}: is needed with the other one of SMTP_URL and SMTP_FROM`);
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  const read = result.data;
  return {
    databaseUrl: read.DATABASE_URL,
    dataDir: read.SCHEDULER_DATA_DIR,
    host: read.HOST,
    port: read.PORT,
    allowedHosts: read.SCHEDULER_ALLOWED_HOSTS,
    allowedOrigins: read.SCHEDULER_ALLOWED_ORIGINS ?? [],
    encryptionKey: read.SCHEDULER_ENCRYPTION_KEY,
    previousEncryptionKey: read.SCHEDULER_ENCRYPTION_KEY_PREVIOUS,
    jwtSecret: read.SCHEDULER_JWT_SECRET,
    bootstrapToken: read.SCHEDULER_BOOTSTRAP_TOKEN,
    adminEmail: read.SCHEDULER_ADMIN_EMAIL,
    adminPassword: read.SCHEDULER_ADMIN_PASSWORD,
    concurrency: read.SCHEDULER_CONCURRENCY,
    allowedTargets:
      read.SCHEDULER_ALLOWED_TARGETS ?? (read.DATABASE_URL === undefined ? loopback.map(parseRange) : []),
    mail:
      read.SMTP_URL === undefined || read.SMTP_FROM === undefined
        ? undefined
        : { smtpUrl: read.SMTP_URL, smtpFrom: read.SMTP_FROM },
    policyFile: read.SCHEDULER_POLICY_FILE,
    rateLimit: read.SCHEDULER_RATE_LIMIT,
    addressRateLimit: read.SCHEDULER_RATE_LIMIT_ADDRESS,
    retentionDays: read.SCHEDULER_RETENTION_DAYS,
    deadLetterDays: read.SCHEDULER_DEAD_LETTER_DAYS,
    logLevel: read.LOG_LEVEL,
  };
}
