import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Why a test that needs one is skipped here; false where it is not. */
export const NO_SMALL_DISK =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'needs root on Linux to mount a small disk'

/** A disk of its own, small enough to fill. @param size as `mount` takes it, e.g. `96m` */
export function smallDisk(
  t: TestContext,
  size: string,
  beforeItGoes: () => Promise<void> | undefined = async () => {},
): string {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'tmpfs', dir])
  t.after(async () => {
    await beforeItGoes()
    execFileSync('umount', ['--lazy', dir])
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

const ballast = (dir: string): string => join(dir, 'ballast')

/** Writes until the disk has no byte left. */
export function fill(dir: string): void {
  const file = openSync(ballast(dir), 'a')
  for (let size = 1 << 20; size >= 1; ) {
    try {
      writeSync(file, Buffer.alloc(size))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      size >>= 1
    }
  }
  closeSync(file)
}

/** Leaves so many bytes. */
export function fillUpTo(dir: string, left: number): void {
  const { bavail, bsize } = statfsSync(dir)
  const file = openSync(ballast(dir), 'a')
  for (let more = bavail * bsize - left; more > 0; more -= 1 << 20) writeSync(file, Buffer.alloc(1 << 20))
  closeSync(file)
}

/** Gives the room back. */
export function unfill(dir: string): void {
  rmSync(ballast(dir), { force: true })
}
