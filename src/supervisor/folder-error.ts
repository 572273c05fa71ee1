import { isTenfoldError } from '../core/errors.ts'
import { explainSystemError } from '../data/postgres/failure.ts'

/** The typed error for a failed system call in the state folder: full disk, not writable; others as they are. */
export function explainFolderError(error: unknown, path: string): unknown {
  return isTenfoldError(error) ? error : explainSystemError(error, path)
}
