/** The queue of a job that names none. */
export const defaultQueue = "default";
