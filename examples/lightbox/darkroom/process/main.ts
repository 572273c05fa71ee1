import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { paint } from '../paint/paint.ts'
import type { Numbered, Order, Reply } from '../protocol.ts'
import { ImageRefused } from '../refusal.ts'
import { developFile, developPainting } from './develop.ts'

/*
 * The image process: the only one that loads sharp. What crashes or leaks in native code ends here, and it holds no
 * secrets. An order comes when the one before it has only to be encoded.
 */

/** Less than half of the share that a request gets, and enough to be done in time on a busy machine. */
const NICENESS = 4

type Send = (reply: Reply) => void

async function carryOut(order: Order, send: Send): Promise<void> {
  if (order.kind === 'develop') return developFile(order.path, order.edits, send)
  const original = await paint(order.scene, order.seed)
  send({ kind: 'original', bytes: original })
  await developPainting(original, send)
}

async function answer(order: Order, send: Send): Promise<Reply> {
  try {
    await carryOut(order, send)
    return { kind: 'done' }
  } catch (error) {
    if (error instanceof ImageRefused)
      return { kind: 'refused', refusal: error.refusal, detail: error.message }
    return { kind: 'failed', detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Requests come first, photos after; and when memory runs out, the kernel should end this process and no other. */
function standBack(): void {
  try {
    os.setPriority(NICENESS)
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '800')
  } catch {
    // A container may forbid either; photos are made all the same.
  }
}

standBack()
process.on('message', ({ number, content: order }: Numbered<Order>) => {
  const send = (content: Reply): void => {
    process.send?.({ number, content } satisfies Numbered<Reply>)
  }
  void answer(order, send).then(send)
})
// The server has no more work, or is gone. An orderly end would wait for the threads of libvips.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
