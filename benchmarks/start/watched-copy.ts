import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../kit/processes.ts'

/** A copy of Lightbox that may be edited. */
export interface WatchedCopy {
  /** Its module. */
  readonly app: string
  /** Saves a source: from then on every answer says `x-change: <mark>`. */
  change(mark: string): void
}

const WRAPPER = `import lightbox from './lightbox.ts'
import { mark } from './mark.ts'

const { fetch, ...options } = lightbox.options
export default {
  ...lightbox,
  options: {
    ...options,
    fetch: (system) => {
      const answer = fetch(system)
      return async (request) => {
        const response = await answer(request)
        response.headers.set('x-change', mark)
        return response
      }
    },
  },
}
`

/** The copy lies below this workspace, where its packages are found, in a folder that everything else ignores. */
export async function withWatchedCopy<R>(work: (copy: WatchedCopy) => Promise<R>): Promise<R> {
  const parent = join(import.meta.dirname, '..', '.tenfold')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'watched-'))
  try {
    cpSync(join(ROOT, 'examples', 'lightbox'), folder, {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|\.tenfold|test|browser)$/.test(path),
    })
    const change = (mark: string): void =>
      writeFileSync(join(folder, 'mark.ts'), `export const mark = '${mark}'\n`)
    renameSync(join(folder, 'app.ts'), join(folder, 'lightbox.ts'))
    writeFileSync(join(folder, 'app.ts'), WRAPPER)
    change('as it was')
    return await work({ app: join(folder, 'app.ts'), change })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
