import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg from 'pg'
import { admin, kitClient, kitDatabases, newRequestId, proxied } from '../kit/databases.ts'
import { until, within } from '../kit/deadline.ts'
import { connector, RAW_MARKERS, sound } from '../kit/planted/writes.ts'
import { LONG } from '../kit/seed.ts'
import { type Disturbed, faults, type Paid, pay, payRaw } from './pay.ts'

/** The data client's own sessions. */
const SESSIONS = "from pg_stat_activity where application_name = 'tenfold' and datname = current_database()"

/** A standby that does not exist: every COMMIT on this server waits until it is told otherwise. */
async function standbys(sql: pg.Client, names: string): Promise<void> {
  await sql.query(`alter system set synchronous_standby_names = '${names}'`)
  await sql.query('select pg_reload_conf()')
  await until('the new setting', async () => {
    const { rows } = await sql.query<{ value: string }>(
      "select current_setting('synchronous_standby_names') as value",
    )
    return rows[0]?.value === names || undefined
  })
  if (names !== '') await untilCommitsWait(sql)
}

/** The setting counts once the checkpointer has read it, too, which no view tells: a COMMIT has to be seen waiting. */
async function untilCommitsWait(sql: pg.Client): Promise<void> {
  const probe = new pg.Client({ ...connectionOf(sql), application_name: 'probe' })
  await probe.connect()
  try {
    for (let waits = false; !waits; ) {
      let ended = false
      const commit = probe.query("select pg_logical_emit_message(true, 'probe', 'x')").finally(() => {
        ended = true
      })
      waits = await until('a probe that ends or waits', async () => {
        const { rows } = await sql.query<{ pid: number }>(
          "select pid from pg_stat_activity where application_name = 'probe' and wait_event = 'SyncRep'",
        )
        if (rows[0]) await sql.query(`select pg_cancel_backend(${rows[0].pid})`)
        return rows[0] ? true : ended ? false : undefined
      })
      await commit
    }
  } finally {
    await probe.end()
  }
}

const connectionOf = ({ host, port, user, password, database }: pg.Client): pg.ClientConfig => ({
  host,
  port,
  ...(user !== undefined && { user }),
  ...(typeof password === 'string' && { password }),
  ...(database !== undefined && { database }),
})

/** The session whose COMMIT waits for a standby, other than `but`. */
function waiting(sql: pg.Client, but = 0): Promise<number> {
  return until('a COMMIT that waits', async () => {
    const { rows } = await sql.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database()
       and wait_event = 'SyncRep' and pid <> ${but}`,
    )
    return rows[0]?.pid
  })
}

describe('FAULTS case 6: a backend is ended around COMMIT', () => {
  test('terminated while COMMIT is on its way or under way: applied once', async (t) => {
    const clusters = await kitDatabases(t)
    const { connection } = clusters[0]!
    const sql = await admin(t, connection)
    const { proxy, connection: through } = await proxied(t, connection)
    const kit = await kitClient([{ name: 'c0', connection: through }])
    t.after(() => kit.client.stop())
    const payments: Disturbed[] = []
    for (let round = 0; round < (LONG ? 2000 : 60); round++) {
      let ending: Promise<unknown> | undefined
      const key = 100_000 + round
      // The result travels with COMMIT: its first field is in the last words of the write.
      proxy.count((chunk) => {
        if (!chunk.includes('{"run":')) return false
        ending = sql.query(`select pg_terminate_backend(pid) ${SESSIONS}`)
        return true
      })
      const answer = await within(pay(kit, key, newRequestId()), `payment ${round}`)
      assert.ok(ending, 'COMMIT was not seen')
      await ending
      payments.push({ key, side: 'request', after: round, answers: [answer] })
    }
    assert.deepEqual(await faults(connection, payments), [])
  })

  for (const how of ['pg_cancel_backend', 'pg_terminate_backend'] as const) {
    test(`${how} while COMMIT waits for a standby: not acknowledged before it is durable`, async (t) => {
      const clusters = await kitDatabases(t, { durable: true })
      const { connection } = clusters[0]!
      const sql = await admin(t, connection)
      const kit = await kitClient(clusters)
      t.after(() => kit.client.stop())
      let answered = false
      await standbys(sql, 'nobody')
      const payment = pay(kit, 100_000, newRequestId()).then((paid: Paid) => {
        answered = true
        return paid
      })
      try {
        const first = await waiting(sql)
        await sql.query(`select ${how}(${first})`)
        // It is committed and visible, and yet on no standby: whoever resolves it has to wait as well.
        await waiting(sql, first)
        const { rows } = await sql.query('select total from counters where id = 100000')
        assert.deepEqual(rows, [{ total: 1 }])
        assert.equal(answered, false)
      } finally {
        await standbys(sql, '') // nothing else on this server would ever commit
      }
      const answers = [await within(payment, 'the payment')]
      assert.deepEqual(await faults(connection, [{ key: 100_000, side: 'answer', after: 0, answers }]), [])
    })
  }

  test('planted bug: who takes the tag COMMIT for the whole truth answers while no standby has it', async (t) => {
    const clusters = await kitDatabases(t, { durable: true })
    const { connection } = clusters[0]!
    const sql = await admin(t, connection)
    await sql.query(RAW_MARKERS)
    for (const table of ['elements', 'counters']) await sql.query(`alter table ${table} disable trigger user`)
    await standbys(sql, 'nobody')
    try {
      const payment = payRaw(sound, connector(connection), 100_000, 'p')
      await sql.query(`select pg_cancel_backend(${await waiting(sql)})`)
      assert.equal((await within(payment, 'the hasty answer')).total, 1)
    } finally {
      await standbys(sql, '')
    }
  })
})

test('a warning of the app itself is not taken for a cancelled wait: the session stays', async (t) => {
  const clusters = await kitDatabases(t)
  const { client, asRequest } = await kitClient(clusters)
  t.after(() => client.stop())
  const warn = (): Promise<number> =>
    asRequest(newRequestId(), () =>
      client.writeAt(client.target('item', 1), 'warn', async (tx) => {
        await tx.query("do $$ begin raise warning 'mind the gap'; end $$")
        const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
        return row!.pid
      }),
    )
  assert.equal(await warn(), await warn())
})
