import type pg from 'pg'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { withPostgres, withSession } from '../kit/embedded.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { finish, interval, type Row } from '../kit/report.ts'
import { estimate, median } from '../kit/stats.ts'

const ROWS = 10_000
/** Transactions of one sample of `enter`. */
const ENTERS = 300
const AUTHOR = 12

type Session = pg.Client & { readonly processID: number }

const options = readOptions()
let machine: Machine | undefined
const samples: Record<string, number[]> = {}

await withPostgres({}, (connection, { version }) =>
  withSession(connection, async (session) => {
    const client = session as Session
    machine = describeMachine(version)
    const { rows } = await client.query<{ bucket: number; tag: number; epoch: string }>(
      `select (hashint8extended($1, 0) & 4095)::int as bucket,
        ((hashint8extended($1, 0) >> 12) & 2147483647)::int as tag, b.epoch
       from tenfold.buckets b where bucket = (hashint8extended($1, 0) & 4095)`,
      [AUTHOR],
    )
    const place = rows[0]!
    const begin = (after: string) => () => transactions(client, after)
    const insert = (table: string) => () =>
      insertRows(client, table, `select tenfold.enter(${place.bucket}, 0, ${place.epoch})`)
    const all = await alternate(
      [
        { name: 'begin', sample: begin('select 1') },
        { name: 'enter', sample: begin(`select tenfold.enter(${place.bucket}, 0, ${place.epoch})`) },
        { name: 'fenced rows', sample: insert('public.posts') },
        { name: 'plain rows', sample: insert('peer.posts') },
      ],
      options.rounds,
    )
    for (const [name, values] of all) samples[name] = values
  }),
)

const of = (name: string): number[] => samples[name] ?? []
const difference = (a: string, b: string): number[] => of(a).map((value, at) => value - (of(b)[at] as number))
const rows: Row[] = [
  {
    figure: 'tenfold.enter, added to a transaction',
    value: `${interval(estimate(difference('enter', 'begin')), 1)} µs`,
  },
  {
    figure: 'the row trigger, added to an inserted row',
    value: `${interval(estimate(difference('fenced rows', 'plain rows')), 2)} µs`,
  },
  { figure: 'an inserted row without the trigger', value: `${median(of('plain rows')).toFixed(2)} µs` },
]
const how = `${options.rounds} alternations of ${ENTERS} transactions and of ${ROWS} rows in one statement, all rolled back; CPU of the session's PostgreSQL process`
finish(
  { topic: 'Fence', machine: machine!, rounds: options.rounds, how, rows, samples },
  options.save ? import.meta.dirname : undefined,
)

/** CPU of the session's server process, in microseconds for each of `count`: what others do to the clock stays out. */
async function cpuOf(client: Session, count: number, work: () => Promise<unknown>): Promise<number> {
  const before = markCpu(client.processID)
  await work()
  return cpuSince(before, client.processID) / count
}

/** Of a transaction that does `statement` and nothing else, in one round trip. */
function transactions(client: Session, statement: string): Promise<number> {
  return cpuOf(client, ENTERS, async () => {
    for (let i = 0; i < ENTERS; i++) await client.query(`begin; ${statement}; rollback`)
  })
}

/** Of one row of a large insert. */
async function insertRows(client: Session, table: string, enter: string): Promise<number> {
  await client.query(`begin; ${enter}`)
  const insert = `insert into ${table} (author_id, id, text)
    select ${AUTHOR}, gen_random_uuid(), 'a post' from generate_series(1, ${ROWS})`
  const us = await cpuOf(client, ROWS, () => client.query(insert))
  await client.query('rollback')
  return us
}
