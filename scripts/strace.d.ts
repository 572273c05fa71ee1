/** The file of the program, or undefined. */
export function findStrace(env: NodeJS.ProcessEnv): string | undefined
/** @throws Error that says what to install */
export function ensureStrace(env: NodeJS.ProcessEnv): string
