import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../core/log.ts'
import { TestClock } from '../testing/clock.ts'
import { TIMES } from './defaults.ts'
import type { ClaimAnswer, ClaimWish, Desk } from './desk.ts'
import { Queue } from './queue.ts'
import type { Reports } from './reports.ts'

test('after a slow look for what is due, as while the machine stood still, the next comes soon', async () => {
  const clock = new TestClock()
  const looks: number[] = []
  const claim = async ({ tend }: ClaimWish): Promise<ClaimAnswer> => {
    if (!tend) return { jobs: [], last: undefined, tended: undefined }
    looks.push(clock.monotonic())
    if (looks.length === 1) await clock.sleep(2_000)
    return {
      jobs: [],
      last: undefined,
      tended: { nextMs: undefined, suspects: false, lost: 0, more: false },
    }
  }
  const queue = new Queue({
    desk: { cluster: 'c0', claim } as unknown as Desk,
    reports: { waiting: 0 } as Reports,
    room: { want: () => 1, take: () => {}, beginAlone: async () => true, endAlone: async () => {} },
    clock,
    log: silentLogger,
    times: TIMES,
    sole: false,
  })
  queue.begin()
  for (let at = 0; at < 100; at++) await clock.advance(100)
  await queue.end()
  const [first, second, third] = looks as [number, number, number]
  assert.ok(second - first <= 7_000, `${second - first} ms`)
  assert.ok(third - second <= 1_000, `${third - second} ms`)
})
