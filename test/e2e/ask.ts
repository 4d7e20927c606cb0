import { request } from "node:http";

export interface Asked {
  method?: string;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Undefined where the answer is not JSON. */
  json: any;
}
