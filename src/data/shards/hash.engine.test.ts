import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { seededRandom } from '../../core/random.ts'
import { testDatabase } from '../../testing/postgres.ts'
import { hashBigint, hashText, hashUuid } from './hash.ts'

/** Of a million keys of all types together; one batch of each in the short form. */
const BATCH = 50_000
const KEYS = process.env.TENFOLD_TEST_LONG === '1' ? 1_000_000 / 3 : BATCH
const CHARACTERS = [...'aZ09 _-éßñ日本語😀🇫🇷\u0301\u{10ffff}\t\n\'"\\']

type Draw = {
  draw(random: ReturnType<typeof seededRandom>): string
  hash(key: string): number
  encode(keys: string[]): string
  sql: string
}

const KINDS: Record<string, Draw> = {
  bigint: {
    // Random widths, so that small, negative and extreme numbers all come up.
    draw: (random) =>
      BigInt.asIntN(
        64,
        random.bytes(8).readBigUInt64BE() >> BigInt(Math.floor(random.next() * 64)),
      ).toString(),
    hash: (key) => hashBigint(BigInt(key)),
    encode: (keys) => `{${keys.join()}}`,
    sql: 'select hashint8extended(k, 0) & 4294967295 as h from unnest($1::bigint[]) k',
  },
  text: {
    draw: (random) => {
      const bytes = random.bytes(40)
      const length = bytes.readUInt8(0) % 40
      return Array.from(bytes.subarray(1, 1 + length), (byte) => CHARACTERS[byte % CHARACTERS.length]).join(
        '',
      )
    },
    hash: hashText,
    encode: (keys) => JSON.stringify(keys),
    sql: 'select hashtextextended(k, 0) & 4294967295 as h from json_array_elements_text($1::json) k',
  },
  uuid: {
    draw: (random) =>
      random
        .bytes(16)
        .toString('hex')
        .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5'),
    hash: hashUuid,
    encode: (keys) => `{${keys.join()}}`,
    sql: 'select uuid_hash_extended(k, 0) & 4294967295 as h from unnest($1::uuid[]) k',
  },
}

const EDGES = {
  bigint: ['0', '-1', '1', '9223372036854775807', '-9223372036854775808', '4294967295', '-4294967296'],
} as Record<string, string[]>

for (const [type, { draw, hash, encode, sql }] of Object.entries(KINDS)) {
  test(`hash of ${type} equals PostgreSQL's over random keys`, async (t) => {
    const { connection, drop } = await testDatabase()
    const client = new pg.Client(connection)
    await client.connect()
    t.after(() => client.end().then(drop))
    const random = seededRandom(18)
    for (let done = 0; done < KEYS; done += BATCH) {
      const keys = [
        ...(done === 0 ? (EDGES[type] ?? []) : []),
        ...Array.from({ length: BATCH }, () => draw(random)),
      ]
      const { rows } = await client.query<string[]>({ text: sql, values: [encode(keys)], rowMode: 'array' })
      const wrong = keys.findIndex((key, at) => String(hash(key)) !== rows[at]?.[0])
      assert.equal(wrong, -1, `hash(${JSON.stringify(keys[wrong])}) differs from PostgreSQL's`)
    }
  })
}
