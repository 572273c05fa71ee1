import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import { fixture, newRequestId } from './fixtures/fixture.ts'

const insertUser =
  (id: number) => async (tx: { query(sql: string, params?: unknown[]): Promise<unknown> }) => {
    await tx.query('insert into users (id, name) values ($1, $2)', [id, `user ${id}`])
    return { id, at: new Date(0) }
  }

for (const clusters of [1, 2]) {
  describe(`write on ${clusters} cluster(s)`, () => {
    test('commits rows, marker and result; a replay returns the stored result', async (t) => {
      const { client, asRequest } = await fixture(t, { clusters })
      const requestId = newRequestId()
      for (let run = 0; run < 3; run++) {
        const result = await asRequest(requestId, () =>
          client.writeAt(client.target('user', 7), 'create', insertUser(7)),
        )
        assert.deepEqual(result, { id: 7, at: '1970-01-01T00:00:00.000Z' })
      }
      const rows = await client.readAt(client.target('user', 7).placement, (db) =>
        db.query('select * from users'),
      )
      assert.deepEqual(rows, [{ id: '7', name: 'user 7', visits: 0 }])
    })

    test('twenty runs of one write at once are applied once', async (t) => {
      const { client, asRequest, another } = await fixture(t, { clusters })
      const others = [client, await another()]
      const requestId = newRequestId()
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, at) => {
          const one = others[at % 2] as typeof client
          return asRequest(requestId, () => one.writeAt(one.target('user', 9), 'create', insertUser(9)))
        }),
      )
      assert.equal(new Set(results.map((r) => JSON.stringify(r))).size, 1)
    })

    test('a failed write leaves nothing, no marker either, and its name may be used again', async (t) => {
      const { client, asRequest } = await fixture(t, { clusters })
      await asRequest(newRequestId(), async () => {
        const aim = client.target('user', 3)
        await assert.rejects(
          client.writeAt(aim, 'create', async (tx) => {
            await insertUser(3)(tx as never)
            throw new Error('no')
          }),
          /^Error: no$/,
        )
        await client.writeAt(aim, 'create', insertUser(3))
      })
    })
  })
}

test('refuses a name used twice, a nested write, another write under the same marker', async (t) => {
  const { client, asRequest } = await fixture(t)
  const requestId = newRequestId()
  await asRequest(requestId, async () => {
    await client.writeAt(client.target('user', 1), 'create', insertUser(1))
    await assert.rejects(client.writeAt(client.target('user', 2), 'create', insertUser(2)), {
      code: 'TENFOLD_WRITE_NAME_REUSED',
    })
    await assert.rejects(
      client.writeAt(client.target('user', 2), 'outer', () =>
        client.writeAt(client.target('user', 2), 'inner', insertUser(2)),
      ),
      { code: 'TENFOLD_NESTED_WRITE' },
    )
  })
  await asRequest(requestId, () =>
    assert.rejects(client.writeAt(client.target('user', 2), 'create', insertUser(2)), {
      code: 'TENFOLD_REPLAY_DIVERGED',
    }),
  )
})

test('a caught statement error cannot commit half a write', async (t) => {
  const { client } = await fixture(t)
  await assert.rejects(
    client.writeAt(client.target('user', 1), 'create', async (tx) => {
      await insertUser(1)(tx as never)
      await insertUser(1)(tx as never).catch(() => {})
    }),
    { code: 'TENFOLD_TRANSACTION_ABORTED' },
  )
})

test('what work leaves running when it fails is not applied', async (t) => {
  const { client } = await fixture(t)
  await client.writeHome('open', (tx) => tx.query('insert into accounts values (1, 100)'))
  let late: Promise<unknown> | undefined
  await assert.rejects(
    client.writeHome('raise', async (tx) => {
      const started = tx.query('select 1')
      // Goes on as soon as the failure is known, when ROLLBACK is on its way.
      const straggle = async () => {
        await started
        for (let at = 0; at < 20; at++) await tx.query('update accounts set balance = 0').catch(() => {})
      }
      late = straggle()
      await started
      throw new Error('no')
    }),
    /^Error: no$/,
  )
  await late
  assert.deepEqual(await client.readHome((db) => db.query('select balance from accounts')), [
    { balance: 100 },
  ])
})

test('the fence refuses rows of another bucket, home tables, global tables, and psql', async (t) => {
  const { client, connections } = await fixture(t)
  const aim = client.target('user', 1)
  const refused = { code: 'TENFOLD_OUTSIDE_BUCKET' }
  await client.writeAt(aim, 'create', insertUser(1))
  await client.writeAt(client.target('user', 2), 'create', insertUser(2))
  await assert.rejects(client.writeAt(aim, 'w1', insertUser(5)), refused)
  await assert.rejects(
    client.writeAt(aim, 'w2', (tx) => tx.query('update users set visits = 1 where id = 2')),
    refused,
  )
  await assert.rejects(
    client.writeAt(aim, 'w3', (tx) => tx.query('delete from users')),
    refused,
  )
  await assert.rejects(
    client.writeAt(aim, 'w4', (tx) => tx.query('update users set id = 5 where id = 1')),
    refused,
  )
  await assert.rejects(
    client.writeAt(aim, 'w5', (tx) => tx.query('truncate users')),
    refused,
  )
  await assert.rejects(
    client.writeAt(aim, 'w6', (tx) => tx.query('insert into accounts values (1, 1)')),
    refused,
  )
  await assert.rejects(
    client.writeAt(aim, 'w7', (tx) => tx.query("insert into countries values ('fr', 'France')")),
    refused,
  )
  await assert.rejects(
    client.writeHome('w8', (tx) => tx.query("insert into countries values ('fr', 'France')")),
    refused,
  )
  await assert.rejects(client.writeHome('w9', insertUser(5)), refused)
  await client.writeHome('w10', (tx) => tx.query('insert into accounts values (1, 100)'))
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await assert.rejects(psql.query('update users set visits = 7 where id = 1'), { code: 'TF002' })
  await psql.query('update accounts set balance = 50')
  await psql.end()
})

test('serialization failures and deadlocks run again', async (t) => {
  const { client } = await fixture(t)
  const aim = client.target('user', 1)
  await client.writeAt(aim, 'create', insertUser(1))
  await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      client.writeAt(
        aim,
        `visit-${at}`,
        async (tx) => {
          const [row] = await tx.query<{ visits: number }>('select visits from users where id = 1')
          await tx.query('update users set visits = $1 where id = 1', [Number(row?.visits) + 1])
        },
        { isolation: 'serializable' },
      ),
    ),
  )
  const [row] = await client.readAt(aim.placement, (db) =>
    db.query<{ visits: number }>('select visits from users where id = 1'),
  )
  assert.equal(row?.visits, 12)
})

test('in double-run mode work runs twice and counts once, and ids are drawn alike', async (t) => {
  const { client } = await fixture(t, { doubleRun: true })
  const aim = client.target('user', 1)
  const drawn: string[] = []
  const stored = await client.writeAt(aim, 'create', async (tx) => {
    const id = client.ownedId(aim.placement)
    drawn.push(id)
    await tx.query('insert into notes values (1, $1)', [id])
    return id
  })
  assert.equal(drawn.length, 2)
  assert.deepEqual(new Set(drawn), new Set([stored]))
  assert.deepEqual(client.targetOfId('user', stored).placement, aim.placement)
})

test('a lost backend at any moment of a write is invisible', async (t) => {
  const { client, connections } = await fixture(t)
  const killer = new pg.Client(connections[0])
  await killer.connect()
  const kill = () =>
    killer.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'tenfold'",
    )
  const aim = client.target('user', 1)
  await client.writeAt(aim, 'create', insertUser(1))
  for (let at = 0; at < 20; at++) {
    let runs = 0
    await client
      .writeAt(aim, `visit-${at}`, async (tx) => {
        if (runs++ > 0) return void (await tx.query('update users set visits = visits + 1 where id = 1'))
        if (at % 2 === 0) await kill()
        await tx.query('update users set visits = visits + 1 where id = 1')
        if (at % 4 === 1) void kill()
      })
      .catch((error) => {
        throw new Error(`visit ${at}: ${error.message}`, { cause: error })
      })
  }
  await killer.end()
  const [row] = await client.readAt(aim.placement, (db) =>
    db.query<{ visits: number }>('select visits from users where id = 1'),
  )
  assert.equal(row?.visits, 20)
})

test('a write may not end its own transaction, change its session or its durability', async (t) => {
  const { client } = await fixture(t)
  const refused = [
    'commit',
    'ROLLBACK',
    '/* x */ begin',
    'end',
    'set search_path = x',
    'set local synchronous_commit = off',
    'listen x',
    'discard all',
    "select set_config('synchronous_commit', 'off', true)",
    "select set_config('tenfold.bucket', '1', true)",
    "select set_config('timezone', 'Asia/Tokyo', false)",
    "select set_config('a.b', (select ')'), true), set_config('a.b', $1, $2)",
    'select pg_advisory_lock(1)',
    'prepare transaction $$x$$',
    'create table x (i int)',
    '/* /* */ select */ commit',
    '-- x\rcommit/*\nselect*/',
    'notify x',
  ]
  for (const [at, sql] of refused.entries()) {
    await assert.rejects(
      client.writeHome(`w${at}`, (tx) => tx.query(sql)),
      { code: 'TENFOLD_STATEMENT_REFUSED' },
      sql,
    )
  }
  await client.writeHome('savepoint', async (tx) => {
    await tx.query('insert into accounts values (1, 1)')
    await tx.query('savepoint before')
    await tx.query('update accounts set balance = 2')
    await tx.query('rollback to savepoint before')
    await assert.rejects(tx.query('insert into accounts values (1, 1)'), { code: '23505' })
    await tx.query('rollback to savepoint before')
    await tx.query("select pg_advisory_xact_lock(1), set_config('app.user', coalesce('it''s (', ''), true)")
    await tx.query("set local statement_timeout = '5s'")
  })
  assert.deepEqual(await client.readHome((db) => db.query('select balance from accounts')), [{ balance: 1 }])
})

test('COPY goes through the fence like every statement', async (t) => {
  const { client } = await fixture(t)
  const aim = client.target('user', 1)
  const copy = (rows: readonly string[]) => async (tx: { client: pg.Client }) => {
    const stream = tx.client.query(from('copy notes (owner_id, id, body) from stdin'))
    await pipeline(Readable.from(rows.map((row) => `${row}\n`)), stream)
    return stream.rowCount
  }
  const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
  const rows = Array.from({ length: 1000 }, (_, at) => `1\t${id(at)}\tnote ${at}`)
  assert.equal(await client.writeAt(aim, 'copy', copy(rows)), 1000)
  await assert.rejects(client.writeAt(aim, 'stray', copy([`2\t${id(1)}\tstray`])), { code: 'TF002' })
  const counted = await client.readAt(
    aim.placement,
    (db) => db.client.query('select count(*)::int as n from notes'),
    {
      snapshot: true,
    },
  )
  assert.equal(counted.rows[0].n, 1000)
  await assert.rejects(
    client.readAt(aim.placement, async (db) => db.client),
    { code: 'TENFOLD_NO_SESSION' },
  )
})

test('a session whose own client was handed out reaches nobody else', async (t) => {
  const { client } = await fixture(t)
  const pid = (tx: { query(sql: string): Promise<unknown[]> }) => tx.query('select pg_backend_pid() as pid')
  const before = await client.writeHome('plain', pid)
  assert.deepEqual(await client.writeHome('again', pid), before)
  await client.writeHome('raw', (tx) => tx.client.query("set application_name = 'left behind'"))
  assert.notDeepEqual(await client.writeHome('after', pid), before)
})

test('a result that is too large for its marker is refused, and nothing is applied', async (t) => {
  const { client } = await fixture(t)
  const large = client.writeHome('large', async (tx) => {
    await tx.query('insert into accounts values (1, 1)')
    return 'x'.repeat(2 * 1024 * 1024)
  })
  await assert.rejects(large, { code: 'TENFOLD_RESULT_TOO_LARGE' })
  assert.deepEqual(await client.readHome((db) => db.query('select * from accounts')), [])
})

test('many statements at once in a write run in their order', async (t) => {
  const { client } = await fixture(t)
  const rows = await client.writeHome('many', (tx) =>
    Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        tx.query('insert into accounts values ($1, $1) returning id', [at]),
      ),
    ),
  )
  assert.deepEqual(
    rows,
    Array.from({ length: 20 }, (_, at) => [{ id: at }]),
  )
})
