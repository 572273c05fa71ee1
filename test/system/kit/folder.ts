import { chmodSync, existsSync, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
const ROOM_BYTES = 2 ** 30

/**
 * A fresh folder for a test's systems; remove it with the test. In memory where there is room: killed processes lose
 * nothing that the kernel has, so it proves as much as a disk, sooner. PostgreSQL's user may pass through it, so that
 * sockets stay inside.
 */
export function testFolder(prefix: string): string {
  const dir = mkdtempSync(join(hasRoom() ? MEMORY : tmpdir(), prefix))
  chmodSync(dir, 0o711)
  return dir
}

function hasRoom(): boolean {
  if (!existsSync(MEMORY)) return false
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize > ROOM_BYTES
}
