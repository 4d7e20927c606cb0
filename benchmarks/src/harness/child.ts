import { fork } from "node:child_process";
import { once } from "node:events";
import type { Roles } from "./child-process.ts";

export type RoleName = keyof Roles;
type Methods<Role extends RoleName> = Awaited<ReturnType<Roles[Role]>>;
type Method = (input: never) => unknown;

/** A process of its own in a role, called by message. */
export interface Child<Role extends RoleName> extends AsyncDisposable {
  call<Name extends keyof Methods<Role>>(
    name: Name,
    ...input: Methods<Role>[Name] extends Method ? Parameters<Methods<Role>[Name]> : never
  ): Promise<Methods<Role>[Name] extends Method ? Awaited<ReturnType<Methods<Role>[Name]>> : never>;
}

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** Forks a process and opens its role there. Disposing ends it as it is; what is to end in order is called first. */
export async function startChild<Role extends RoleName>(
  role: Role,
  ...settings: Parameters<Roles[Role]>
): Promise<Child<Role>> {
  const child = fork(new URL("./child-process.ts", import.meta.url), [role], { serialization: "advanced" });
  const pending = new Map<number, PromiseWithResolvers<never>>();
  let last = 0;
  let ended = false;
  child.on("message", ({ id, value, error }: Reply) => {
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(value as never);
    else call?.reject(new Error(`${role}: ${error}`));
  });
  child.once("exit", (code, signal) => {
    ended = true;
    for (const call of pending.values()) call.reject(new Error(`${role} ended (${code ?? signal})`));
  });

  function call(method: string, input?: unknown): Promise<never> {
    const reply = Promise.withResolvers<never>();
    if (ended) reply.reject(new Error(`${role} has ended`));
    else {
      pending.set(++last, reply);
      child.send({ id: last, method, input });
    }
    return reply.promise;
  }

  async function end(): Promise<void> {
    if (ended) return;
    const exit = once(child, "exit");
    pending.clear();
    child.disconnect();
    await exit;
  }
  try {
    await call("open", settings[0]);
  } catch (error) {
    await end();
    throw error;
  }
  return { call: call as unknown as Child<Role>["call"], [Symbol.asyncDispose]: end };
}
