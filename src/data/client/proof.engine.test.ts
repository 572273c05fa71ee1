import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { testDatabase } from '../../testing/postgres.ts'
import { Connection } from '../connection/connection.ts'
import { gateTo } from '../connection/fixtures/gate.ts'
import { Proof } from './proof.ts'

test('a server that falls silent right after its greeting holds nobody up', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const gate = await gateTo(t, connection)
  const session = await Connection.open(gate.connection, {})
  gate.state = 'silent'
  await assert.rejects(new Proof(systemClock).check(session, 100), /for 100 ms/)
  session.destroy()
})
