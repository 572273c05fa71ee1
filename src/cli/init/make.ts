import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { explainFolderError } from '../../supervisor/folder-error.ts'
import { FolderNotEmpty } from './errors.ts'

const TEMPLATES = fileURLToPath(new URL('./templates/app/', import.meta.url))

/** npm leaves such names out of a package, or reads them itself. */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  dockerignore: '.dockerignore',
  github: '.github',
}

/** What the templates' placeholders stand for. */
export interface Values {
  readonly NAME: string
  readonly TENFOLD: string
  readonly KYSELY: string
  readonly TYPES_NODE: string
  readonly TYPESCRIPT: string
}

/** Writes a new app into `dir`. @throws FolderNotEmpty, DataFolderUnwritable, DiskFull */
export function makeApp(dir: string, values: Values): string[] {
  const root = resolve(dir)
  try {
    refuseFull(root)
    return templateFiles().map((file) => {
      const place = join(root, ...file.split('/').map((part) => RENAMED[part] ?? fill(part, values)))
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, fill(readFileSync(join(TEMPLATES, file), 'utf8'), values), { flag: 'wx' })
      return relative(root, place)
    })
  } catch (error) {
    throw explainFolderError(error, root)
  }
}

/** A fresh repository is as good as empty. */
const HARMLESS = new Set(['.git', '.DS_Store'])

function refuseFull(root: string): void {
  if (statSync(root, { throwIfNoEntry: false }) === undefined) return
  const found = readdirSync(root).filter((name) => !HARMLESS.has(name))
  if (found.length > 0) throw new FolderNotEmpty(root, found)
}

/** Paths below the templates' folder, with slashes. */
export function templateFiles(under = ''): string[] {
  return readdirSync(join(TEMPLATES, under), { withFileTypes: true }).flatMap((entry) => {
    const path = under === '' ? entry.name : `${under}/${entry.name}`
    return entry.isDirectory() ? templateFiles(path) : [path]
  })
}

function fill(text: string, values: Values): string {
  return text.replace(/__([A-Z_]+?)__/g, (whole, name: string) => values[name as keyof Values] ?? whole)
}

/** A name for the app, its package and its service: lower-case letters, digits and dashes. */
export function appName(dir: string): string {
  const name = basename(resolve(dir))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '')
  return name === '' ? 'app' : name
}
