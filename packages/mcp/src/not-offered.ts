import { didYouMean } from "@org/scheduler-contract";
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { type Tool, tools } from "./tools.ts";

interface Offer {
  offered: readonly Tool[];
  readOnly: boolean;
}

/** Why a tool cannot be called here, and what can be called instead. */
export function notOffered(name: string, { offered, readOnly }: Offer): ProtocolError {
  const names = offered.map((tool) => tool.name);
  const list = `Offered are ${names.join(", ") || "no tools"}.`;
  const known = tools.find((tool) => tool.name === name);
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `${reason()} ${list}`);

  function reason(): string {
    if (known && readOnly && known.risk !== "read")
      return `${name} is not offered: this connection is read-only. Use a token that may write, without readonly.`;
    if (known)
      return `${name} is not offered: this connection has other toolsets; it belongs to "${known.toolset}".`;
    const meant = didYouMean(name, names);
    return `There is no tool "${name.slice(0, 64)}".${meant === undefined ? "" : ` Did you mean ${meant}?`}`;
  }
}
