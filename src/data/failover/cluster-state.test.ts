import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterState, settle } from './cluster-state.ts'
import type { ClusterNode } from './node.ts'

/** A node that is ready after some looks, and says how far it is; time passes only in sleeps. */
function slowNode(looks: number, progressUntil: number) {
  let now = 0
  let looked = 0
  const clock = {
    monotonic: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
  const state = { options: { clock }, signal: new AbortController().signal } as unknown as ClusterState
  const node = {
    id: 'b',
    pid: 1,
    isSuspected: false,
    look: async () => {
      looked++
    },
  } as unknown as ClusterNode
  return {
    waited: (msMax: number) =>
      settle(state, node, 'its promotion', () => looked >= looks, {
        msMax,
        progress: () => Math.min(looked, progressUntil),
      }),
    looked: () => looked,
  }
}

test('who gets on with it is waited for, however long it takes', async () => {
  await slowNode(1_000, 1_000).waited(100)
})

test('who stands still is given up, so long after its last progress', async () => {
  const node = slowNode(1_000, 500)
  await assert.rejects(node.waited(100), /b: its promotion took more than 100 ms/)
  assert.ok(node.looked() > 500 && node.looked() < 600)
})
