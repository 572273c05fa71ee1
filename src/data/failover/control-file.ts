import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lsn } from '../../core/lsn.ts'

/** `DB_SHUTDOWNED` in PostgreSQL's `catalog/pg_control.h`. */
const SHUT_DOWN = 1
/** Offsets in `ControlFileData`, the same from PostgreSQL 9.5 on: state after two 4-byte versions, checkpoint after the time. */
const STATE_AT = 16
const CHECKPOINT_AT = 32

/**
 * Where the log of a server that was shut down in order ends: its last record is the checkpoint at this place.
 * Undefined when it was not shut down, so that its log may go on for an unknown way.
 */
export function shutdownCheckpoint(dataDir: string): Lsn | undefined {
  const file = readFileSync(join(dataDir, 'global', 'pg_control'))
  const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
  const state = little ? file.readInt32LE(STATE_AT) : file.readInt32BE(STATE_AT)
  if (state !== SHUT_DOWN) return undefined
  return little ? file.readBigUInt64LE(CHECKPOINT_AT) : file.readBigUInt64BE(CHECKPOINT_AT)
}
