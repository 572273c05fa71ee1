import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { spareInitdbOf } from '../../../src/data/failover/fixtures/spare-initdb.ts'

const STATE_MODE = 0o700

/** Gives a new state folder the data folder that `initdb` would make. Where there is a state folder, nothing happens. */
export async function spareInitdb(state: string): Promise<void> {
  if (existsSync(state)) return
  mkdirSync(state, { recursive: true, mode: STATE_MODE })
  chmodSync(state, STATE_MODE)
  await spareInitdbOf(join(state, 'pg', 'c0'))
}
