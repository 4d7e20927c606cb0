export type Json = Record<string, unknown>;

export interface Asked {
  method?: string;
  token?: string | undefined;
  headers?: Record<string, string>;
  /** Sent as JSON; text is sent as it is. */
  body?: unknown;
}

export interface Answered<Body = Json> {
  status: number;
  headers: Headers;
  json: Body;
}

/** One request as curl would make it; POST where there is a body. */
export async function ask<Body = Json>(url: string, asked: Asked = {}): Promise<Answered<Body>> {
  const { token, headers, body } = asked;
  const response = await fetch(url, {
    method: asked.method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Body };
}
