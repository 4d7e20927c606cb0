import { SchedulerError } from "@org/scheduler-contract";

/** The place of a job among those that are created together. */
export interface Place {
  index: number;
  alone: boolean;
}

/** Says which of many jobs is at fault. */
export function inBatch<Answer>({ index, alone }: Place, read: () => Answer): Answer {
  try {
    return read();
  } catch (error) {
    if (alone || !(error instanceof SchedulerError)) throw error;
    const { code, message, hint, field } = error;
    throw new SchedulerError(code, `Job ${index} of the batch: ${message}`, {
      hint: `${hint} Nothing of the batch was created.`,
      field: field === undefined ? `jobs.${index}` : `jobs.${index}.${field}`,
    });
  }
}
