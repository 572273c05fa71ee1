import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MigrationInvalid } from './errors.ts'
import { folderPath, listFolder, NO_TRANSACTION } from './folder.ts'

const NUMBER_MAX = 9999
const SLUG_MAX = 60

const HEADER = `-- NAME
--
-- One transaction, on every cluster, in the order of the numbers. Never edit it once it is applied anywhere.
-- What cannot run in a transaction (CREATE INDEX CONCURRENTLY) goes into a file of its own, whose first line is
-- \`${NO_TRANSACTION}\`; it may run again after a failure, so write it with IF NOT EXISTS.

`

/** Lower-case ASCII words joined by underscores, e.g. `add_bio` of `Add bio!`. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, SLUG_MAX)
    .replace(/^_+|_+$/g, '')
}

/** For `tenfold migrate new NAME`. */
export const migrationFile = {
  /**
   * Creates an empty migration with the next number, and its folder if need be. Returns the path.
   * @throws MigrationInvalid when nothing of the name is left as file name, or the numbers are used up
   */
  new(dir: URL | string, name: string): string {
    const slug = slugOf(name)
    if (slug === '')
      throw new MigrationInvalid(
        `${JSON.stringify(name)} gives no file name.`,
        'Use letters and digits, e.g. `tenfold migrate new add_bio`.',
      )
    const folder = folderPath(dir)
    mkdirSync(folder, { recursive: true })
    const number = Number(listFolder(dir).names.at(-1)?.slice(0, 4) ?? 0) + 1
    if (number > NUMBER_MAX)
      throw new MigrationInvalid(
        `The numbers of migrations are used up in ${folder}.`,
        'Join old files into one for new databases.',
      )
    const path = join(folder, `${String(number).padStart(4, '0')}_${slug}.sql`)
    writeFileSync(
      path,
      HEADER.replace('NAME', () => name.replace(/\s+/g, ' ').trim()),
      { flag: 'wx' },
    )
    return path
  },
}
