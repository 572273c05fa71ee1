import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saying } from '../kit/cut-proxy.ts'
import { admin, kitClient, kitDatabases, newRequestId, proxied } from '../kit/databases.ts'
import { within } from '../kit/deadline.ts'

/** What meets the run that resolves a lost COMMIT, and makes it fail. */
const MISHAPS = { 'the disk is full': '53100', 'the bucket is closed': 'TF001' }

for (const [mishap, state] of Object.entries(MISHAPS)) {
  test(`COMMIT's answer is lost, then ${mishap}: the error does not say that nothing was applied`, async (t) => {
    const clusters = await kitDatabases(t)
    const { connection } = clusters[0]!
    const sql = await admin(t, connection)
    const { proxy, connection: through } = await proxied(t, connection)
    const { client, asRequest } = await kitClient([{ name: 'c0', connection: through }])
    t.after(() => client.stop())
    // Only a second claim of the same marker fails.
    await sql.query(`
      create function mishap() returns trigger language plpgsql as $$ begin
        if exists (select from tenfold.markers where id = new.id) then
          raise exception using errcode = '${state}', message = 'a mishap';
        end if;
        return new;
      end $$;
      create trigger mishap before insert on tenfold.markers for each row execute function mishap()`)
    const { severed } = proxy.arm({ side: 'answer', after: 0 }, saying('{"done":'))
    const write = asRequest(newRequestId(), () =>
      client.writeAt(
        client.target('item', 1),
        'pay',
        async (tx) => {
          await tx.query("insert into elements values (1, 1, 'x')")
          return { done: true }
        },
        { deadlineMs: 1000 },
      ),
    )
    const failure = await within(
      write.then(
        () => assert.fail('it was answered'),
        (error: Error) => error,
      ),
      'the write',
    )
    await within(severed, 'the cut')
    assert.deepEqual((await sql.query('select element from elements')).rows, [{ element: 'x' }])
    assert.doesNotMatch(failure.message, /not applied/)
    assert.match(failure.message, /outcome unknown/)
  })
}
