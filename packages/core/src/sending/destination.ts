/** Where a request goes, of all that a workspace's half sends: whom nobody answers is nobody else's business. */
export interface Destination {
  scope_id: number;
  host: string;
}

/** A destination as it is written where many are named, here and in SQL. */
export function shareOf({ scope_id, host }: Destination): string {
  return `${scope_id} ${host}`;
}

export function destinationOf(share: string): Destination {
  const [scope, host = ""] = share.split(" ");
  return { scope_id: Number(scope), host };
}

/** The same of the rows that an alias stands for; `host` where that has another way to it. */
export function shareInSql(alias: string, host = `${alias}.host`): string {
  return `(${alias}.scope_id || ' ' || ${host})`;
}
