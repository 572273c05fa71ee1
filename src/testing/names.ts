import { randomBytes } from 'node:crypto'

/** So that processes which share a given server do not meet. */
export const RUN = `tenfold_test_${process.pid}_${randomBytes(4).toString('hex')}`
let count = 0

/** A database name that nobody else uses. */
export function newDatabaseName(): string {
  count += 1
  return `${RUN}_${count}`
}
