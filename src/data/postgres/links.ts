import { lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { PostgresUnusable } from './errors.ts'

/** A symbolic link that npm could not pack; both paths are relative to the package. */
export interface Link {
  readonly source: string
  readonly target: string
}

/** The links that the platform package's install script makes. */
export function readLinks(root: string): Link[] {
  const file = join(root, 'native', 'pg-symlinks.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const links = JSON.parse(text) as Link[]
  for (const { source, target } of links)
    if (!normalize(source).startsWith('native/') || !normalize(target).startsWith('native/'))
      throw new PostgresUnusable(`${file} names a path outside of its package.`, 'Reinstall with `npm ci`.')
  return links
}

/** What the link contains: relative, so that the folder can be moved. */
export const linkText = ({ source, target }: Link): string => relative(dirname(target), source)

/**
 * Makes the links that are missing (`npm ci --ignore-scripts`). Each appears whole by a rename, so that two
 * processes may do this at once. False when the folder cannot be written.
 */
export function restoreLinks(root: string, links: readonly Link[]): boolean {
  for (const link of links) {
    const target = join(root, link.target)
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) continue
    const temporary = `${target}.${process.pid}.tmp`
    try {
      rmSync(temporary, { force: true })
      symlinkSync(linkText(link), temporary)
      renameSync(temporary, target)
    } catch (error) {
      rmSync(temporary, { force: true })
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOSPC') return false
      throw error
    }
  }
  return true
}
