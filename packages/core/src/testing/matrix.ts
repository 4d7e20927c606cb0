/** Trinity's access matrix, as its document has it: who may do what with the schedules of an agent. */
export const trinityMatrix = {
  list: { own: true, shared: true, self: true, permitted: true, other: false, system: true },
  create: { own: true, shared: false, self: true, permitted: false, other: false, system: true },
  get: { own: true, shared: true, self: true, permitted: true, other: false, system: true },
  update: { own: true, shared: false, self: true, permitted: false, other: false, system: true },
  delete: { own: true, shared: false, self: true, permitted: false, other: false, system: true },
  toggle: { own: true, shared: true, self: true, permitted: true, other: false, system: true },
  trigger: { own: true, shared: true, self: true, permitted: true, other: false, system: true },
  executions: { own: true, shared: true, self: true, permitted: true, other: false, system: true },
} as const;

export type MatrixAction = keyof typeof trinityMatrix;
export type MatrixParty = keyof (typeof trinityMatrix)["list"];
