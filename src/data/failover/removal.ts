import { rm } from 'node:fs/promises'
import { chooseAccount } from '../postgres/account.ts'
import { recordDirOf } from '../postgres/record.ts'
import { releaseSharedMemory } from '../postgres/shared-memory.ts'
import { copyPlace } from '../replication/base-backup.ts'
import { slotOf } from '../replication/settings.ts'
import type { ClusterNode } from './node.ts'

/** Milliseconds for a sender to end whose standby has. */
const SENDER_MS_MAX = 5_000

/** The log that a removed standby has not received need not be kept. Its sender may not have noticed yet that it has ended. */
export async function dropSlot(primary: ClusterNode, id: string): Promise<void> {
  await primary.query(
    'select pg_terminate_backend(active_pid, $2) from pg_replication_slots where slot_name = $1 and active',
    [slotOf(id), SENDER_MS_MAX],
    SENDER_MS_MAX,
  )
  await primary.query(
    'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1',
    [slotOf(id)],
  )
}

/** Removes a node's data folder and what lies beside it; its server has ended. */
export async function removeNode(dataDir: string, pgBin?: string): Promise<void> {
  await releaseSharedMemory({ dataDir, pgBin, account: chooseAccount(dataDir) })
  for (const dir of [dataDir, copyPlace(dataDir), recordDirOf(dataDir)])
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}
