/** What is shown of a value that must not be seen, and what a caller sends to keep what is stored. */
export const mask = "********";
