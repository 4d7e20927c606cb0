import { reencryptAll } from "@org/scheduler-app";

/** `pnpm reencrypt`: a change of the encryption key, as README.md tells it. */
try {
  await reencryptAll();
} catch (error) {
  const hint = (error as { hint?: string }).hint;
  process.stderr.write(
    `Nothing more was encrypted anew: ${(error as Error).message}${hint ? ` ${hint}` : ""}\n`,
  );
  process.exitCode = 1;
}
