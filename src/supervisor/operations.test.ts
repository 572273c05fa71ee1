import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterKeeper } from '../data/failover/keeper.ts'
import type { NodeProcess } from './nodes/node-process.ts'
import { type Operated, operate } from './operations.ts'

const scale = (keepers: Operated['keepers'], count: string) =>
  operate(
    { keepers, nodes: new Map() },
    new URL(`http://localhost/scale?target=data.replicas&count=${count}`),
  )

test('a number of replicas that a primary cannot have is refused', async () => {
  const asked: number[] = []
  const keeper = {
    record: { nodes: [] as readonly string[] },
    scale: async (count: number) => void asked.push(count),
  }
  const keepers = new Map([['c0', keeper as ClusterKeeper]])
  for (const count of ['9', '100', '-1', '1.5', '']) {
    const { status, body } = await scale(keepers, count)
    assert.equal(status, 409, count)
    assert.match(JSON.stringify(body), /OPERATION_REFUSED.*from 0 to 8/)
  }
  assert.deepEqual(asked, [])
  for (const count of ['0', '8']) assert.equal((await scale(keepers, count)).status, 200)
  assert.deepEqual(asked, [0, 8])
})

test('databases that are given by URL are not scaled', async () => {
  const { status, body } = await scale(new Map(), '3')
  assert.equal(status, 409)
  assert.match(JSON.stringify(body), /given by URL.*OPERATION_REFUSED/)
})

test('a fault of a node that does not run is refused', async () => {
  const keeper = { record: { nodes: ['c0-pg-1'] as readonly string[] }, fault: () => false }
  const node = { signal: () => false }
  const operated = {
    keepers: new Map([['c0', keeper as unknown as ClusterKeeper]]),
    nodes: new Map([['web-1', node as unknown as NodeProcess]]),
  }
  for (const id of ['c0-pg-1', 'web-1']) {
    const url = new URL(`http://localhost/fault?what=kill&node=${id}`)
    const { status, body } = await operate(operated, url)
    assert.equal(status, 409)
    assert.match(
      JSON.stringify(body),
      new RegExp(`${id} does not run.*no process to kill.*OPERATION_REFUSED`),
    )
  }
})
