import { chmod, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SchedulerError } from "@org/scheduler-contract";

const sticky = 0o1000;

/**
 * Makes a directory, or makes one that is there already, its owner's alone. Throws `invalid_request` for one that is
 * everybody's by its nature.
 */
export async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await lstat(directory);
  if ((mode & 0o777) === 0o700) return;
  if ((mode & sticky) !== 0 || join(directory) === "/") {
    throw new SchedulerError("invalid_request", `${directory} is shared by all users of this machine.`, {
      hint: "Give the embedded database a directory of its own: set SCHEDULER_DATA_DIR.",
    });
  }
  await keepToOwner(directory, 0o700);
}

/**
 * Takes everybody else's rights from all that is below a directory: the embedded database unpacks its first files with
 * rights of their own, whatever the umask says.
 */
export async function closeToOthers(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isSymbolicLink()) continue;
    const mode = entry.isDirectory() ? 0o700 : 0o600;
    if (((await lstat(path)).mode & 0o777) !== mode) await keepToOwner(path, mode);
    if (entry.isDirectory()) await closeToOthers(path);
  }
}

/** What is somebody else's, as a volume that a cluster mounts, stays as it is. */
async function keepToOwner(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
