import { verifyAudit } from "@org/scheduler-app";

/** `pnpm verify-audit`: a look at the seals over the audit, as README.md tells it. */
try {
  await verifyAudit();
} catch (error) {
  const hint = (error as { hint?: string }).hint;
  process.stderr.write(
    `Nothing more was encrypted anew: ${(error as Error).message}${hint ? ` ${hint}` : ""}\n`,
  );
  process.exitCode = 1;
}
