import { serveMcpStdio } from "../stdio.ts";
import { createTestBackend } from "./backend.ts";

const { execute } = createTestBackend();
serveMcpStdio({ execute: (name, input) => execute(name, input), readOnly: false, toolsets: ["jobs"] });
