import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { detachedContext, type RequestContext } from '../../core/context.ts'
import { silentLogger } from '../../core/log.ts'
import { SeenRecord } from '../../core/seen-record.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'
import { assertThrownOnce } from './fixtures/thrown-once.ts'

/** A request with a session that has seen nothing. */
function someone(): RequestContext & { readonly seen: SeenRecord } {
  const seen = new SeenRecord({ clusters: ['c0'], directoryEpoch: 1 })
  return { ...detachedContext(newRequestId(), silentLogger), seen }
}

/** Runs often enough for the statement to be known as fast and to move to the shared lane. */
async function warm(run: () => Promise<unknown>): Promise<void> {
  for (let at = 0; at < 5; at++) await run()
}

test('a statement failing in a shared batch fails alone', async (t) => {
  const { client } = await fixture(t)
  const divide = (by: number) =>
    client.readHome((db) => db.query<{ q: number }>('select 10 / $1::int as q', [by]))
  await warm(() => divide(1))
  const results = await Promise.allSettled(Array.from({ length: 60 }, (_, at) => divide(at % 7)))
  results.forEach((result, at) => {
    if (at % 7 === 0) assert.equal((result as PromiseRejectedResult).reason.code, '22012')
    else
      assert.deepEqual((result as PromiseFulfilledResult<{ q: number }[]>).value, [
        { q: Math.trunc(10 / (at % 7)) },
      ])
  })
})

test('what cannot be sent or read is the fault of its own statement alone', async (t) => {
  const { client } = await fixture(t)
  const circular: { self?: unknown } = {}
  circular.self = circular
  const code = (sent: Promise<unknown>) => sent.then(String, (error) => error.code)
  const read = (sql: string, params: unknown[]) => client.readHome((db) => db.query(sql, params))
  const write = (sql: string, params: unknown[]) => client.writeHome(sql, (tx) => tx.query(sql, params))
  for (const send of [read, write]) {
    assert.equal(await code(send('select $1::text', [circular])), 'TENFOLD_PARAMETER_INVALID')
    assert.equal(await code(send('select $1::int', new Array(65_536))), 'TENFOLD_PARAMETER_INVALID')
    assert.equal(await code(send('select $1::int, $2::int', [1])), '08P01')
  }
  const echo = (value: unknown) => read('select $1::text as v', [value])
  await warm(() => echo('x'))
  const codes = await Promise.all(Array.from({ length: 60 }, (_, at) => code(echo(at % 7 ? at : circular))))
  codes.forEach((got, at) => {
    assert.equal(got, at % 7 ? '[object Object]' : 'TENFOLD_PARAMETER_INVALID')
  })
})

test('a type parser that throws fails its statement, not the process', async (t) => {
  const { client } = await fixture(t)
  const broken = () => {
    throw new Error('broken')
  }
  const POINT = 600 as never
  const before = pg.types.getTypeParser(POINT)
  t.after(() => pg.types.setTypeParser(POINT, before as never))
  pg.types.setTypeParser(POINT, broken)
  const point = (nil: boolean) =>
    client.readHome((db) => db.query('select case when $1 then null else point(1, 2) end as p', [nil]))
  await warm(() => point(true))
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => point(at % 3 > 0)))
  results.forEach((result, at) => {
    if (at % 3 > 0) assert.deepEqual((result as PromiseFulfilledResult<unknown>).value, [{ p: null }])
    else assert.equal((result as PromiseRejectedResult).reason.code, 'TENFOLD_ROW_UNREADABLE')
  })
  await assert.rejects(
    client.writeHome('w', (tx) => tx.query('select point(1, 2)')),
    { code: 'TENFOLD_ROW_UNREADABLE' },
  )
})

test('reads survive lost connections', async (t) => {
  const { client, connections } = await fixture(t)
  const killer = new pg.Client(connections[0])
  await killer.connect()
  const echo = (n: number) => client.readHome((db) => db.query<{ n: number }>('select $1::int as n', [n]))
  await warm(() => echo(0))
  for (let round = 0; round < 5; round++) {
    const reads = Array.from({ length: 40 }, (_, at) => echo(at))
    await killer.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'tenfold'",
    )
    const rows = await Promise.all(reads)
    assert.deepEqual(
      rows.map(([row]) => row?.n),
      Array.from({ length: 40 }, (_, at) => at),
    )
  }
  await killer.end()
})

test('a read cannot write, whatever it sets', async (t) => {
  const { client, connections } = await fixture(t)
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await psql.query(`create function hidden(name text, value text) returns text language sql
    as 'select set_config(name, value, false)'`)
  await psql.end()
  await client.writeHome('open', (tx) => tx.query('insert into accounts values (1, 100)'))
  const tries = [
    ['update accounts set balance = 0'],
    ['with x as (update accounts set balance = 0 returning 1) select * from x'],
    ['set default_transaction_read_only = off', 'update accounts set balance = 0'],
    [
      "select hidden('default_transaction_read_only', 'off')",
      'with x as (update accounts set balance = 0 returning 1) select * from x',
    ],
    [
      "select set_config('default_transaction_read_only', 'off', false)",
      'with x as (update accounts set balance = 0 returning 1) select * from x',
    ],
    [
      "select set_config('transaction_read_only', 'off', false)",
      'with x as (update accounts set balance = 0 returning 1) select * from x',
    ],
    ['begin read write', 'update accounts set balance = 0', 'commit'],
    ['/* select */ update accounts set balance = 0'],
  ]
  for (const snapshot of [false, true]) {
    for (const statements of tries) {
      await client
        .readHome(
          async (db) => {
            for (const sql of statements) await db.query(sql).catch(() => {})
          },
          { snapshot, deadlineMs: 500 },
        )
        .catch(() => {})
      const [row] = await client.readHome((db) =>
        db.query<{ balance: number }>('select balance from accounts'),
      )
      assert.equal(row?.balance, 100, `${statements.join('; ')} (snapshot: ${snapshot})`)
    }
  }
})

test('a snapshot read sees one moment; a plain read sees each commit', async (t) => {
  const { client } = await fixture(t)
  await client.writeHome('open', (tx) => tx.query('insert into accounts values (1, 100)'))
  const twice = (snapshot: boolean, name: string) =>
    client.readHome(
      async (db) => {
        const [before] = await db.query<{ balance: number }>('select balance from accounts')
        await client.writeHome(name, (tx) => tx.query('update accounts set balance = balance + 1'))
        const [after] = await db.query<{ balance: number }>('select balance from accounts')
        return Number(after?.balance) - Number(before?.balance)
      },
      { snapshot },
    )
  assert.equal(await twice(true, 'one'), 0)
  assert.equal(await twice(false, 'two'), 1)
})

test('a snapshot whose session is lost runs again, also when its work hides the loss', async (t) => {
  const { client, connections } = await fixture(t)
  const killer = new pg.Client(connections[0])
  await killer.connect()
  let runs = 0
  const rows = await client.readHome(
    async (db) => {
      const [session] = await db.query<{ pid: number }>('select pg_backend_pid() as pid')
      if (runs++ === 0) await killer.query('select pg_terminate_backend($1, 5000)', [session?.pid])
      return db.query('select 1 as n').catch(() => [])
    },
    { snapshot: true },
  )
  await killer.end()
  assert.deepEqual(rows, [{ n: 1 }])
})

test('a long deadline is the server’s, too', async (t) => {
  const { client } = await fixture(t)
  const timeout = (deadlineMs: number, snapshot: boolean) =>
    client.readHome((db) => db.query("select current_setting('statement_timeout') as t"), {
      deadlineMs,
      snapshot,
    })
  for (const snapshot of [false, true]) {
    assert.deepEqual(await timeout(20_000, snapshot), [{ t: '20s' }])
    assert.deepEqual(await timeout(Number.POSITIVE_INFINITY, snapshot), [{ t: '2147483647ms' }])
    assert.deepEqual(await timeout(5000, snapshot), [{ t: '10s' }])
  }
  await client.writeHome('w', (tx) => tx.query('select 1'), { deadlineMs: Number.POSITIVE_INFINITY })
})

test('the defaults of a database do not change what is promised', async (t) => {
  const { another, connections } = await fixture(t)
  const psql = new pg.Client(connections[0])
  await psql.connect()
  for (const setting of ["default_transaction_isolation = 'serializable'", 'synchronous_commit = off'])
    await psql.query(`alter database "${connections[0]?.database}" set ${setting}`)
  await psql.end()
  const client = await another()
  const sql =
    "select current_setting('transaction_isolation') as i, current_setting('synchronous_commit') as s"
  assert.deepEqual(await client.writeHome('w', (tx) => tx.query(sql)), [{ i: 'read committed', s: 'on' }])
  const [read] = await client.readHome((db) => db.query<{ i: string }>(sql))
  assert.equal(read?.i, 'read committed')
})

test('a table that is locked holds up no read of another', async (t) => {
  const { client, connections } = await fixture(t)
  const locked = () => client.readHome((db) => db.query('select balance from accounts where id = 1'))
  const free = () => client.readHome((db) => db.query('select 1 as one'))
  await warm(locked)
  await warm(free)
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await psql.query('begin; lock table accounts in access exclusive mode')
  // Two at a time, until every session of the lane has met the lock.
  const waiting = [locked(), locked()]
  for (let at = 0; at < 20; at++) {
    await psql.query('select 1')
    waiting.push(locked())
  }
  assert.deepEqual(await free(), [{ one: 1 }])
  await psql.query('commit')
  await psql.end()
  for (const rows of await Promise.all(waiting)) assert.deepEqual(rows, [])
})

test('a read that concurrency control refuses runs again, also in the lane', async (t) => {
  const { client, connections } = await fixture(t)
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await psql.query(`create function fussy() returns int language plpgsql as $$ begin
    if exists (select from accounts) then raise exception 'not now' using errcode = '40001'; end if;
    return 1; end $$`)
  const read = () => client.readHome((db) => db.query('select fussy() as one'))
  await warm(read)
  await client.writeHome('open', (tx) => tx.query('insert into accounts values (1, 100)'))
  const reading = read()
  for (let at = 0; at < 50; at++) await psql.query('select 1')
  await psql.query('delete from accounts')
  await psql.end()
  assert.deepEqual(await reading, [{ one: 1 }])
})

test('a setting of one read is no other’s', async (t) => {
  const { client } = await fixture(t)
  const set = () => client.readHome((db) => db.query("select set_config('search_path', 'nowhere', true)"))
  const get = () => client.readHome((db) => db.query("select current_setting('search_path') as path"))
  await warm(set)
  await warm(get)
  const [clean] = await get()
  const mixed = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 ? get() : set())))
  assert.deepEqual(new Set(mixed.filter((_, at) => at % 2).map(([row]) => JSON.stringify(row))).size, 1)
  assert.deepEqual(mixed[1], [clean])
})

test('a slow statement holds up no fast one', async (t) => {
  const { client } = await fixture(t)
  const fast = () => client.readHome((db) => db.query('select 1 as one'))
  await warm(fast)
  let slowDone = false
  const slow = client
    .readHome((db) => db.query('select pg_sleep(1)'))
    .then(() => {
      slowDone = true
    })
  await Promise.all(Array.from({ length: 200 }, fast))
  assert.equal(slowDone, false)
  await slow
})

test('a changed table is no error for statements that were prepared before', async (t) => {
  const { client, connections } = await fixture(t)
  await client.writeHome('open', (tx) => tx.query('insert into accounts values (1, 100)'))
  const all = () => client.readHome((db) => db.query('select * from accounts'))
  const rename = (name: string) => client.writeHome(name, (tx) => tx.query('select * from accounts'))
  await warm(all)
  await rename('before')
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await psql.query("alter table accounts add column currency text not null default 'EUR'")
  await psql.end()
  assert.deepEqual(await all(), [{ id: 1, balance: 100, currency: 'EUR' }])
  assert.deepEqual(await rename('after'), [{ id: 1, balance: 100, currency: 'EUR' }])
})

test('many runs once per cluster, scatter reaches each, ids lead to their owner', async (t) => {
  const { client } = await fixture(t, { clusters: 2 })
  for (let id = 1; id <= 20; id++) {
    await client.writeAt(client.target('user', id), 'create', (tx) =>
      tx.query('insert into users (id, name) values ($1, $2)', [id, `u${id}`]),
    )
  }
  const counts = await client.readEach((db) =>
    db.query<{ n: number }>('select count(*)::int as n from users'),
  )
  assert.equal(counts.length, 2)
  assert.ok(counts.every(([row]) => Number(row?.n) > 0))
  assert.equal(
    counts.reduce((sum, [row]) => sum + Number(row?.n), 0),
    20,
  )
  for (let id = 1; id <= 20; id++) {
    const { placement } = client.target('user', String(id))
    assert.deepEqual(client.targetOfId('user', client.ownedId(placement)).placement, placement)
  }
})

test('snowflakes are unique and rise, over clients that share a database', async (t) => {
  const { client, another } = await fixture(t)
  const other = await another()
  const drawn = Array.from({ length: 20_000 }, (_, at) => (at % 2 ? client : other).snowflakes.next())
  assert.equal(new Set(drawn).size, drawn.length)
  for (const parity of [0, 1]) {
    const own = drawn.filter((_, at) => at % 2 === parity).map(BigInt)
    assert.ok(own.every((id, at) => at === 0 || id > (own[at - 1] as bigint)))
  }
})

test('what a shared batch shows is remembered, also when another statement in it fails', async (t) => {
  const { client, storage } = await fixture(t)
  const divide = (by: number) => client.readHome((db) => db.query('select 10 / $1::int as q', [by]))
  for (let at = 0; at < 5; at++) await divide(1)
  const people = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const context = someone()
      const done = await storage
        .run(context, () => divide(at % 7))
        .then(
          () => true,
          () => false,
        )
      return { done, isTouched: context.seen.isTouched }
    }),
  )
  assert.equal(people.filter(({ done }) => done).length, 51)
  assert.deepEqual(
    people.filter(({ done, isTouched }) => done && !isTouched),
    [],
  )
})

test('what the work of a snapshot throws is told at once, and after one attempt', async (t) => {
  await assertThrownOnce((await fixture(t)).client)
})

test('who has written is not told that nothing was written, when a later part cannot be done', async (t) => {
  const { connections, another, storage } = await fixture(t, { clusters: 2 })
  const client = await another({ connections: [connections[0]!, { ...connections[1]!, host: '/nowhere' }] })
  const away = client.directory.owner.indexOf(1)
  const read = (options: { snapshot?: boolean }) =>
    client.readAt({ bucket: away, tag: 0 }, (db) => db.query('select 1'), { deadlineMs: 200, ...options })
  for (const options of [{}, { snapshot: true }])
    await storage.run(someone(), async () => {
      await assert.rejects(read(options), { outcome: 'not applied' })
      await client.writeHome('one', (tx) => tx.query('select 1'))
      await assert.rejects(read(options), {
        outcome: 'earlier writes of this request were applied',
        remedy: /Idempotency-Key/,
      })
    })
  // A write that fails by a read inside of it is not applied.
  await storage.run(someone(), () =>
    assert.rejects(
      client.writeHome('around', () => read({})),
      { outcome: 'not applied' },
    ),
  )
  await storage.run(someone(), async () => {
    const hanging = Promise.withResolvers<void>()
    const write = client.writeHome('two', () => hanging.promise)
    await assert.rejects(read({}), { outcome: 'outcome unknown' })
    hanging.resolve()
    await write
  })
})
