import { DataFolderInUse } from '../data/postgres/errors.ts'
import { takeLock } from '../data/postgres/lock.ts'
import { AlreadyRunning } from './errors.ts'
import { noteOwner, readOwner } from './owner-notes.ts'

/** A state folder that is ours. */
export interface Ownership {
  /** Tells others where the application answers. */
  announce(url: string): void
  release(): void
}

/**
 * Makes this process the state folder's only server until `release`, or until it dies in whatever way.
 * @throws AlreadyRunning with the owner's process id and URL
 */
export function own(folder: string): Ownership {
  let lock: { release(): void }
  try {
    lock = takeLock(folder, folder)
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error
    const owner = readOwner(folder)
    throw new AlreadyRunning(folder, owner.server?.pid, owner.url, { cause: error })
  }
  const note = noteOwner(folder, 'server')
  return {
    announce: (url) => void noteOwner(folder, 'server', url),
    release: () => {
      note.release()
      lock.release()
    },
  }
}
