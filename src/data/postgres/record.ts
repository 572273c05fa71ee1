import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataFolderCorrupt, DataFolderVersion } from './errors.ts'
import { makeFolder, replaceFile } from './files.ts'

/** Raised when what we write beside a data folder changes in a way that older versions would misread. */
export const FORMAT = 1

/** What we know about a data folder, kept beside it in `<dataDir>.tenfold/tenfold.json`. */
export interface DataRecord {
  readonly format: number
  /** `initialising` until the data folder has its final name. */
  readonly state: 'initialising' | 'ready'
  readonly pgMajor: number
  /** Who made it, for people. */
  readonly createdBy: string
  /** PostgreSQL's own identity of the folder, from its control file. Known when `ready`. */
  readonly systemIdentifier?: string
  /** Where the socket lies when `runDir` was too long or not reachable. */
  readonly socketDir?: string
}

/** The folder of our own files about `dataDir`. */
export const recordDirOf = (dataDir: string): string => `${dataDir}.tenfold`

const recordFile = (dataDir: string): string => join(recordDirOf(dataDir), 'tenfold.json')
const passwordFile = (dataDir: string): string => join(recordDirOf(dataDir), 'password')

/** Makes the folder of our own files; only its owner may look inside. */
export function makeRecordDir(dataDir: string): string {
  const dir = recordDirOf(dataDir)
  makeFolder(dir, 0o700)
  return dir
}

/** Reads the record; undefined when there is none. Refuses one from a newer Tenfold. */
export function readRecord(dataDir: string): DataRecord | undefined {
  const text = readOptional(recordFile(dataDir))
  if (text === undefined) return undefined
  let record: Partial<DataRecord>
  try {
    record = JSON.parse(text) as Partial<DataRecord>
  } catch (error) {
    throw new DataFolderCorrupt(dataDir, `${recordFile(dataDir)} is not JSON.`, '', { cause: error })
  }
  if (
    typeof record?.format !== 'number' ||
    typeof record.pgMajor !== 'number' ||
    typeof record.state !== 'string'
  )
    throw new DataFolderCorrupt(
      dataDir,
      `${recordFile(dataDir)} lacks its format, state or PostgreSQL version.`,
    )
  if (record.format > FORMAT)
    throw new DataFolderVersion(
      `The data folder ${dataDir} was written by a newer Tenfold (format ${record.format}, this one knows ${FORMAT}).`,
      'Update Tenfold, or use another folder with --data DIR.',
    )
  return record as DataRecord
}

export function writeRecord(dataDir: string, record: DataRecord): void {
  replaceFile(recordFile(dataDir), `${JSON.stringify(record, null, 2)}\n`)
}

/** The superuser's password; undefined when there is none yet. */
export function readPassword(dataDir: string): string | undefined {
  return readOptional(passwordFile(dataDir))?.trim()
}

export function writePassword(dataDir: string, password: string): void {
  replaceFile(passwordFile(dataDir), `${password}\n`)
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
