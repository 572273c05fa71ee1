import { within } from './deadline.ts'
import type { Workload } from './workload.ts'

/** Operations that must be answered before and after each fault: it meets a system at work, which then goes on. */
export const BETWEEN = 40

/** Bounds steps that a workload accompanies; a session that fails ends them at once. */
export const working =
  ({ done }: Pick<Workload, 'done'>, msMax: number) =>
  <Value>(step: Promise<Value>, what: string): Promise<Value> =>
    within(Promise.race([step, done.then(() => step)]), what, msMax)
