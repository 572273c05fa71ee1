import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { blobFolder } from '../../../src/blobs/fixtures/folder.ts'
import type { PutStep } from '../../../src/blobs/types.ts'
import type { SystemStore } from '../../../src/core/ports.ts'
import { within } from '../kit/deadline.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'

const PUTTER = fileURLToPath(new URL('putter.ts', import.meta.url))
/** No cluster, so no rows: the collector is only asked for what killed processes left. */
const noClusters = { everywhere: async () => {} } as unknown as SystemStore

/** Runs the putter until it has acknowledged so many contents, or until it ends. @returns what it acknowledged */
async function run(
  t: TestContext,
  folder: string,
  seed: number,
  step: PutStep | '-',
  killAfter: number,
): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [...process.execArgv.filter((arg) => arg.startsWith('--conditions')), PUTTER, folder, String(seed), step],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === killAfter) child.kill('SIGKILL')
  }
  const [, signal] = (await within(ended, 'the end of the putter')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
  return acknowledged
}

/** What lies under a name is whole. @returns the names */
function whole(folder: string): string[] {
  const names: string[] = []
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath === join(folder, 'incoming')) continue
    assert.equal(
      createHash('sha256')
        .update(readFileSync(join(entry.parentPath, entry.name)))
        .digest('hex'),
      entry.name,
    )
    names.push(entry.name)
  }
  return names.sort()
}

const STEPS: Record<PutStep, { visible: number; left: number }> = {
  open: { visible: 0, left: 0 },
  write: { visible: 0, left: 1 },
  sync: { visible: 0, left: 1 },
  rename: { visible: 0, left: 1 },
  'sync-folder': { visible: 1, left: 0 },
  done: { visible: 1, left: 0 },
}

describe('FAULTS case 27, for blobs: SIGKILL in a put leaves nothing or the whole, and no garbage for long', () => {
  for (const [step, { visible, left }] of Object.entries(STEPS))
    test(`at the step: ${step}`, async (t) => {
      const { folder, another, files } = await blobFolder(t, { store: noClusters })
      assert.deepEqual(await run(t, folder, 7, step as PutStep, 0), [])
      assert.equal(whole(folder).length, visible)
      assert.equal(files().filter((name) => name.startsWith('incoming/')).length, left)
      const next = await another()
      await next.sweep()
      assert.equal(files().length, visible)
      // The same content again, by a process that is not killed before.
      const [id] = await run(t, folder, 7, '-', 1)
      assert.ok(whole(folder).includes(id as string))
    })

  test('at any moment of many: everything acknowledged is there', async (t) => {
    const seed = chooseSeed()
    t.diagnostic(`TENFOLD_SEED=${seed}`)
    const dice = new Dice(seed)
    const { folder, blobs } = await blobFolder(t, { store: noClusters })
    const acknowledged = new Set<string>()
    for (let round = 0; round < (LONG ? 200 : 12); round++)
      for (const id of await run(t, folder, dice.below(1e9), '-', 1 + dice.below(15))) acknowledged.add(id)
    const names = new Set(whole(folder))
    for (const id of acknowledged) assert.ok(names.has(id), id)
    await blobs.sweep()
    assert.deepEqual(readdirSync(join(folder, 'incoming')), [])
  })
})
