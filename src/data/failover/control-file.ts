import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Position } from '../../core/position.ts'

/** `DB_SHUTDOWNED` in PostgreSQL's `catalog/pg_control.h`. */
const SHUT_DOWN = 1
/**
 * Offsets in `ControlFileData`, the same from PostgreSQL 11 on: state after two 4-byte versions, checkpoint after the time, and then
 * a copy of it, which has its timeline after 8 bytes.
 */
const STATE_AT = 16
const CHECKPOINT_AT = 32
const TIMELINE_AT = 48

/**
 * Where the log of a server that was shut down in order ends: its last record is the checkpoint at this place.
 * Undefined when it was not shut down, so that its log may go on for an unknown way.
 */
export function shutdownCheckpoint(dataDir: string): Position | undefined {
  const file = readFileSync(join(dataDir, 'global', 'pg_control'))
  const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
  const number = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at))
  if (number(STATE_AT) !== SHUT_DOWN) return undefined
  const lsn = little ? file.readBigUInt64LE(CHECKPOINT_AT) : file.readBigUInt64BE(CHECKPOINT_AT)
  return { timeline: number(TIMELINE_AT), lsn }
}
