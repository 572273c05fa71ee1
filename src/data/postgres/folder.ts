import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DataFolderCorrupt, DataFolderMissing, DataFolderUnknown, DataFolderVersion } from './errors.ts'
import type { DataRecord } from './record.ts'

/** What lies at a data folder's path. */
export interface FolderFacts {
  readonly path: string
  readonly kind: 'absent' | 'empty' | 'files'
  /** The text of PG_VERSION. */
  readonly pgVersion: string | undefined
  readonly hasControlFile: boolean
  readonly hasPassword: boolean
}

export function lookAt(path: string, hasPassword: boolean): FolderFacts {
  const found = statSync(path, { throwIfNoEntry: false })
  const kind = found === undefined ? 'absent' : readdirSync(path).length === 0 ? 'empty' : 'files'
  const read = (name: string): string | undefined => {
    try {
      return readFileSync(join(path, name), 'utf8').trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
  return {
    path,
    kind,
    pgVersion: kind === 'files' ? read('PG_VERSION') : undefined,
    hasControlFile: statSync(join(path, 'global', 'pg_control'), { throwIfNoEntry: false }) !== undefined,
    hasPassword,
  }
}

/** Whether to make the folder or to open it; anything doubtful is refused, and nothing is ever made anew over data. */
export function decideFolder(
  facts: FolderFacts,
  record: DataRecord | undefined,
  major: number,
): 'initialise' | 'open' {
  const { path } = facts
  if (facts.kind !== 'files') {
    if (record?.state !== 'ready') return 'initialise'
    throw new DataFolderMissing(
      `The data folder ${path} is ${facts.kind}, but the record beside it says that it held a database.`,
      `Mount or restore it. Only if the data may be lost: remove ${path}.tenfold to start afresh.`,
    )
  }
  if (facts.pgVersion === undefined && record?.state !== 'ready')
    throw new DataFolderUnknown(
      `The folder ${path} holds files that are not a PostgreSQL data folder.`,
      'Nothing was touched. Use another folder with --data DIR.',
    )
  if (facts.pgVersion === undefined) throw new DataFolderCorrupt(path, 'its file PG_VERSION is missing.')
  if (!/^\d+$/.test(facts.pgVersion))
    throw new DataFolderCorrupt(path, 'its file PG_VERSION holds no version.')
  if (record === undefined || !facts.hasPassword)
    throw new DataFolderUnknown(
      `The folder ${path} holds a PostgreSQL database that Tenfold does not know: ${path}.tenfold is missing or lacks the password.`,
      'Restore that folder; or run this PostgreSQL yourself and name it with --database URL; or use another folder with --data DIR.',
    )
  if (Number(facts.pgVersion) !== major)
    throw new DataFolderVersion(
      `The data folder ${path} was made by PostgreSQL ${facts.pgVersion}; this is PostgreSQL ${major}.`,
      `Start it with PostgreSQL ${facts.pgVersion} (--pg-bin DIR), or upgrade a copy with pg_upgrade.`,
    )
  if (!facts.hasControlFile) throw new DataFolderCorrupt(path, 'its file global/pg_control is missing.')
  return 'open'
}
