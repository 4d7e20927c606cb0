import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What tools on this machine need to reach a running embedded server: readable by its owner alone. */
export interface ServerFile {
  url: string;
  token: string | null;
}

const serverFileName = "server.json";

export async function readServerFile(dataDir: string): Promise<ServerFile | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, serverFileName), "utf8")) as ServerFile;
  } catch {
    return undefined;
  }
}

export async function writeServerFile(dataDir: string, content: ServerFile): Promise<void> {
  const file = join(dataDir, serverFileName);
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  // The mode above is for a new file only.
  await chmod(file, 0o600);
}
