import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../core/clock.ts'
import { silentLogger } from '../../core/log.ts'
import { fixture } from './fixtures/fixture.ts'
import { Snowflakes } from './snowflake.ts'

test('clients that start at once get a worker number each', async (t) => {
  const { client, another } = await fixture(t)
  const others = await Promise.all(Array.from({ length: 6 }, () => another()))
  const workers = [client, ...others].map(({ snowflakes }) => (BigInt(snowflakes.next()) >> 12n) & 1023n)
  assert.equal(new Set(workers).size, 7)
})

test('a lease that was not committed is not used', async (t) => {
  const { client, connections } = await fixture(t)
  const psql = new pg.Client(connections[0])
  await psql.connect()
  await psql.query(`
    create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end';
    create constraint trigger no after insert on tenfold.snowflake_workers
      deferrable initially deferred for each row execute function no()`)
  await psql.end()
  const snowflakes = new Snowflakes({
    clock: systemClock,
    log: silentLogger,
    home: (work) => client.writeHome('renew', (tx) => work(tx)),
  })
  await assert.rejects(snowflakes.start(), /^error: no$/)
  assert.throws(() => snowflakes.next(), { code: 'TENFOLD_IDS_UNAVAILABLE' })
})
