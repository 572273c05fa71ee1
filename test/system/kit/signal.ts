/** A process that has just gone by itself is as dead as we wanted it. */
export function signal(pid: number | null | undefined, name: NodeJS.Signals): void {
  if (!pid) return
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
