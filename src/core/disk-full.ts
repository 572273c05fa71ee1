import { TenfoldError } from './errors.ts'

/** No room left on a disk (or a quota or a file size limit is reached). */
export class DiskFull extends TenfoldError {
  readonly code = 'TENFOLD_DISK_FULL'
  override readonly status = 507
  override readonly retryAfterSeconds = 30
  /**
   * @param place what lies on that disk. It is shown to clients where a request failed: no path there
   * @param more `detail` follows the message, `remedy` replaces the one for the start of a server
   */
  constructor(
    place: string,
    { detail = '', remedy, ...options }: ErrorOptions & { detail?: string; remedy?: string } = {},
  ) {
    super(
      `The disk of ${place} is full (or a quota or file size limit is reached).${detail}`,
      remedy ??
        'Make room on that disk, then start again: acknowledged writes are safe. A new folder needs about 100 MB.',
      options,
    )
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether a system call failed for want of room. */
export function isDiskFull(error: unknown): boolean {
  return FULL.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
