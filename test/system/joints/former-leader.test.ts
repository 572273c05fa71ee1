import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BOUND_MS } from '../../../src/cache/level.ts'
import { parseLsn } from '../../../src/core/lsn.ts'
import { until } from '../kit/deadline.ts'
import { Visitor } from './model.ts'
import type { ModelNode } from './node.ts'
import { ModelSystem } from './system.ts'

/** Ends the session that holds the relay's lock, unnoticed behind a held connection. */
const END_LEADER = `select pg_terminate_backend(pid) from pg_locks
  where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`

/** Until a level is past all that is there now: then what it shows need leave nothing with a session. */
async function past(system: ModelSystem, node: ModelNode): Promise<void> {
  const [row] = await system.sql('select pg_current_wal_flush_lsn()::text as lsn')
  await system.sql(`select pg_logical_emit_message(true, 'test', '')`)
  const lsn = parseLsn(row?.lsn as string)
  await until('its level is past it', () => {
    const position = node.position('c0')
    return (position !== undefined && position > lsn) || undefined
  })
}

/** Systems that are tried until one was quick enough: the former answers for one second only. */
const TRIED_MAX = 4

test('a session that the next leader has shown a value is not shown an older one by the former', async (t) => {
  for (let tried = 1; tried <= TRIED_MAX; tried++)
    if (await former(t))
      return t.diagnostic(`a stranger was shown the older one there, at the ${tried}. attempt`)
  t.diagnostic('the machine was too slow to tell')
})

/** @returns whether the former leader still answered strangers with the older value */
async function former(t: TestContext): Promise<boolean> {
  const system = await ModelSystem.open(t, 1)
  const [old, next] = (await until('somebody leads', () => {
    const leader = system.nodes.find((node) => node.leads('c0'))
    return leader && [leader, system.nodes.find((node) => node !== leader)]
  })) as [ModelNode, ModelNode]
  const [payer, payee] = [await system.newUser(), await system.newUser()]
  let url = old.url
  const visitor = new Visitor(() => [url])
  const { version } = await visitor.look(payee)
  await past(system, old)
  // From here on the former hears nothing, and answers from what it has for a second.
  old.holdDatabases()
  await system.sql(END_LEADER)
  await until('the next leads', () => next.leads('c0') || undefined)
  const payment = { id: 'p', from: payer, to: payee, amount: 5, failures: 0, abort: false } as const
  await new Visitor(() => [next.url]).pay({ ...payment, failAt: 'before' })
  await until('the payment is shown', async () => {
    const shown = await new Visitor(() => [next.url]).look(payee)
    return shown.version > version || undefined
  })
  // Stored, and with a position behind it.
  await past(system, next)
  await new Visitor(() => [next.url]).look(payee)
  await past(system, next)
  url = next.url
  assert.equal((await visitor.look(payee)).version, version + 1)
  url = old.url
  const [stranger, seen] = [new Visitor(() => [old.url]).look(payee), visitor.look(payee)]
  // What it may not answer from what it has it has to ask for.
  await until('it may answer nobody', () => old.positionAges().every((ms) => ms > BOUND_MS) || undefined)
  old.releaseDatabases()
  const kept = await stranger
  assert.equal((await seen).version, version + 1)
  await system.close()
  return kept.version === version
}
