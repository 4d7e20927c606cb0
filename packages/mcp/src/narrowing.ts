import { SchedulerError, toolsets as known } from "@org/scheduler-contract";
import type { Toolset } from "@org/scheduler-contract";

/** What a server leaves out. A client can take away from what its token may do, never add to it. */
export interface Narrowing {
  readOnly: boolean;
  /** Absent: all. */
  toolsets?: readonly Toolset[];
}

const parameters = ["toolsets", "readonly"];

/** Reads `?toolsets=` and `?readonly=`, or the headers of the same meaning; of both, the narrower holds. */
export function readNarrowing(
  query: URLSearchParams,
  header: (name: string) => string | undefined,
): Narrowing {
  const unknown = [...query.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined) throw unknownParameter(unknown);
  const asked = query.has("toolsets") ? query.getAll("toolsets").join(",") : undefined;
  const lists = [asked, header("x-mcp-toolsets")].flatMap((list) =>
    list === undefined ? [] : [parseToolsets(list)],
  );
  const flags = [...query.getAll("readonly"), header("x-mcp-readonly")];
  const toolsets = lists.reduce<readonly Toolset[]>(
    (narrow, list) => narrow.filter((name) => list.includes(name)),
    known,
  );
  return { readOnly: flags.some(parseReadOnly), ...(lists.length > 0 && { toolsets }) };
}

/** Reads `jobs,executions`. */
export function parseToolsets(list: string): Toolset[] {
  return list.split(",").map((part) => {
    const toolset = known.find((name) => name === part.trim());
    if (toolset) return toolset;
    throw new SchedulerError("invalid_input", `There is no toolset "${part.trim().slice(0, 100)}".`, {
      field: "toolsets",
      hint: `Use some of ${known.join(", ")}, such as toolsets=jobs,executions; or leave it out for all of them.`,
    });
  });
}

function parseReadOnly(flag: string | undefined): boolean {
  if (flag === undefined || /^(0|false)$/i.test(flag)) return false;
  if (/^(1|true)$/i.test(flag)) return true;
  throw new SchedulerError("invalid_input", "readonly is neither true nor false.", {
    field: "readonly",
    hint: "Send readonly=true, or leave it out.",
  });
}

/** Ignoring a misspelt `read_only` would hand out more than was asked for. */
function unknownParameter(name: string): SchedulerError {
  return new SchedulerError(
    "invalid_input",
    `"${name.slice(0, 100)}" is not a query parameter of this endpoint.`,
    {
      field: name.slice(0, 100),
      hint: `Leave it out; the known ones are ${parameters.join(" and ")}. A token goes into Authorization: Bearer.`,
    },
  );
}
