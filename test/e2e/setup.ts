import { afterAll } from "vitest";
import { endLeftovers } from "./start-app.ts";

afterAll(endLeftovers);
