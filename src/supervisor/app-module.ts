import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AppDefinition } from '../app/types.ts'
import { isTenfoldError } from '../core/errors.ts'
import { AppBroken, AppMissing } from './errors.ts'

const DEFAULT_NAMES = ['app.ts', 'app.js', 'app.mjs']

/**
 * The path of the application's module: the file named, or in the folder named (or the working folder) the one that
 * its package.json names under `tenfold.app`, else `app.ts` or `app.js`.
 */
export function findApp(named: string | undefined, cwd: string): string {
  const path = resolve(cwd, named ?? '.')
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFile()) return path
  if (found === undefined)
    throw new AppMissing(
      `There is no ${path}.`,
      'Check the path; it names a file such as app.ts, or its folder.',
    )
  const declared = declaredApp(path)
  if (declared !== undefined) {
    if (existsSync(declared)) return declared
    throw new AppMissing(
      `${join(path, 'package.json')} names ${declared}, which does not exist.`,
      'Correct its field `tenfold.app`.',
    )
  }
  const usual = DEFAULT_NAMES.map((name) => join(path, name)).find((file) => existsSync(file))
  if (usual !== undefined) return usual
  throw new AppMissing(
    `There is no ${DEFAULT_NAMES.slice(0, 2).join(' or ')} in ${path}.`,
    'Name the application (`tenfold start path/to/app.ts`), or make a new one with `tenfold init DIR`.',
  )
}

function declaredApp(folder: string): string | undefined {
  try {
    const { tenfold } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      tenfold?: { app?: unknown }
    }
    return typeof tenfold?.app === 'string' ? join(folder, tenfold.app) : undefined
  } catch {
    return undefined
  }
}

/** Imports the module and takes its default export. @throws AppBroken, AppMissing */
export async function importApp(path: string): Promise<AppDefinition> {
  let module: { default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown }
  } catch (error) {
    if (isTenfoldError(error)) throw error
    throw new AppBroken(`${path} cannot be loaded: ${placeOf(error)}`, 'Correct it, then start again.', {
      cause: error,
    })
  }
  const { default: definition } = module
  if (
    typeof definition === 'object' &&
    definition !== null &&
    (definition as { kind?: unknown }).kind === 'tenfold.app'
  )
    return definition as AppDefinition
  throw new AppMissing(
    `${path} does not export an application.`,
    'Its default export must be what `t.app({ … })` returns: `export default t.app({ … })`.',
  )
}

/** The message with the place: syntax errors have it ahead of their stack, others in their first frame. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.stack ?? ''
  const frame = /\(?(file:\/\/[^\s)]+:\d+:\d+)\)?/.exec(
    stack
      .split('\n')
      .filter((line) => !line.includes('node:'))
      .join('\n'),
  )
  const ahead = stack.slice(0, Math.max(0, stack.indexOf(`${error.name}`))).trim()
  const where =
    ahead !== '' && error instanceof SyntaxError ? `\n${ahead}` : frame ? `\n  at ${frame[1]}` : ''
  return `${error.message}${where}`
}
