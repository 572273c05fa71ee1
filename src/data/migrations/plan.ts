import { MigrationEdited, MigrationMissing, MigrationOutOfOrder } from './errors.ts'
import type { MigrationFile } from './folder.ts'

/** A row of `tenfold.migrations`. */
export interface MigrationRecord {
  readonly name: string
  readonly checksum: string
}

/** What the files and the records of one cluster mean together. */
export interface MigrationPlan {
  readonly pending: readonly MigrationFile[]
  /** Why nothing may run. */
  readonly problem?: MigrationEdited | MigrationMissing | MigrationOutOfOrder
}

/** Compares a folder with what a cluster has. Pure. */
export function planMigrations(
  cluster: string,
  files: readonly MigrationFile[],
  records: readonly MigrationRecord[],
): MigrationPlan {
  const byName = new Map(files.map((file) => [file.name, file]))
  const applied = new Map(records.map((record) => [record.name, record.checksum]))
  const pending = files.filter(({ name }) => !applied.has(name))
  const missing = records.filter(({ name }) => !byName.has(name)).map(({ name }) => name)
  const edited = files.filter(({ name, checksum }) => applied.has(name) && applied.get(name) !== checksum)
  const last = files.findLast(({ name }) => applied.has(name))
  const late = last === undefined ? [] : pending.filter(({ number }) => number < last.number)
  if (missing.length > 0) return { pending, problem: new MigrationMissing(cluster, missing.sort()) }
  if (edited.length > 0)
    return {
      pending,
      problem: new MigrationEdited(
        cluster,
        edited.map(({ file }) => file),
      ),
    }
  if (late.length > 0) {
    const names = late.map(({ file }) => file)
    return { pending, problem: new MigrationOutOfOrder(cluster, names, last?.file ?? '') }
  }
  return { pending }
}
