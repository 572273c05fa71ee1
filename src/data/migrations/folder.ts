import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MigrationInvalid } from './errors.ts'
import { controlsTransaction, statementsOf } from './statements.ts'
import { checksumOf, decode, lineAndColumn } from './text.ts'

/** A migration as it lies in its folder. */
export interface MigrationFile {
  /** As recorded: the prefix and the file's name without `.sql`, e.g. `0001_users`. */
  readonly name: string
  readonly number: number
  /** The file's name, e.g. `0001_users.sql`. */
  readonly file: string
  readonly text: string
  readonly checksum: string
  /** False when the first line is {@link NO_TRANSACTION}. */
  readonly transactional: boolean
}

/** What a folder of migrations holds. */
export interface MigrationFolder {
  /** In the order of their numbers. */
  readonly files: readonly MigrationFile[]
  /** Other files, which are ignored; hidden ones are not listed. */
  readonly strays: readonly string[]
}

/** As first line: the file runs without a transaction. */
export const NO_TRANSACTION = '-- tenfold: no-transaction'

const NAME = /^(\d{4})_[a-z0-9][a-z0-9_-]*\.sql$/

export const folderPath = (dir: URL | string): string => (typeof dir === 'string' ? dir : fileURLToPath(dir))

/** Names of the files, checked and in order. @throws MigrationInvalid for a bad or doubled name */
export function listFolder(dir: URL | string): { names: string[]; strays: string[] } {
  const path = folderPath(dir)
  const names: string[] = []
  const strays: string[] = []
  for (const entry of readEntries(path)) {
    if (entry.name.startsWith('.')) continue
    if (!entry.name.endsWith('.sql') || entry.isDirectory()) strays.push(entry.name)
    else if (NAME.test(entry.name)) names.push(entry.name)
    else
      throw new MigrationInvalid(
        `${join(path, entry.name)} is not the name of a migration.`,
        'Name it NNNN_name.sql: four digits, then lower-case letters, digits, dashes and underscores, e.g. 0007_add_bio.sql.',
      )
  }
  names.sort()
  for (const [i, name] of names.entries()) {
    const before = names[i - 1]
    if (before?.slice(0, 4) === name.slice(0, 4))
      throw new MigrationInvalid(
        `Two migrations have the number ${name.slice(0, 4)}: ${before} and ${name}.`,
        'Give the one that is not applied anywhere yet the next free number.',
      )
  }
  return { names, strays: strays.sort() }
}

function readEntries(path: string): import('node:fs').Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch (error) {
    throw new MigrationInvalid(
      `The folder of migrations cannot be read: ${(error as Error).message}`,
      'Create it, or correct `migrations` in the definition of the app.',
      { cause: error },
    )
  }
}

/** Reads a folder. `prefix` is put ahead of each recorded name. */
export function readFolder(dir: URL | string, prefix = ''): MigrationFolder {
  const { names, strays } = listFolder(dir)
  const files = names.map((file): MigrationFile => {
    const text = decode(file, readFileSync(join(folderPath(dir), file)))
    return {
      name: `${prefix}${file.slice(0, -'.sql'.length)}`,
      number: Number(file.slice(0, 4)),
      file,
      text,
      checksum: checksumOf(text),
      transactional: text.split('\n', 1)[0]?.trimEnd() !== NO_TRANSACTION,
    }
  })
  return { files, strays }
}

/** Refuses what could not be recorded truthfully; looked at before anything runs. */
export function checkStatements({ file, text }: MigrationFile): void {
  let count = 0
  for (const statement of statementsOf(text)) {
    count += 1
    if (!controlsTransaction(statement)) continue
    const { line, column } = lineAndColumn(text, statement.offset)
    throw new MigrationInvalid(
      `${file}:${line}:${column}: ${statement.words[0]?.toUpperCase()} is not for migrations: each file is one transaction already.`,
      `Leave it out. What cannot run in a transaction goes into a file of its own with \`${NO_TRANSACTION}\` as its first line.`,
    )
  }
  if (count === 0)
    throw new MigrationInvalid(
      `${file} holds no statement.`,
      'Write it or delete it: once an empty file is recorded as applied, it could not be filled in any more.',
    )
}
