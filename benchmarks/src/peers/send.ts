import { Agent } from "undici";

/** What a peer's handler does with a job: the bare request, with undici as our engine has it. */
export function createSend(): (url: string) => Promise<void> {
  const agent = new Agent();
  return async (url) => {
    const { origin, pathname } = new URL(url);
    const { statusCode, body } = await agent.request({ origin, path: pathname, method: "GET" });
    await body.dump();
    if (statusCode !== 200) throw new Error(`the target answered ${statusCode}`);
  };
}
