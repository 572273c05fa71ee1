import { type Tx as TxOf, tenfold } from 'tenfold'
import { z } from 'zod'

interface Schema {
  wallets: { owner_id: string; balance: number; receipts: number; version: number }
  payments: { owner_id: string; id: string; amount: number }
  credits: { owner_id: string; id: string; amount: number }
  receipts: { owner_id: string; id: string }
}

const t = tenfold<Schema>()({
  keys: {
    user: {
      type: 'bigint',
      columns: { wallets: 'owner_id', payments: 'owner_id', credits: 'owner_id', receipts: 'owner_id' },
    },
  },
})

export const paymentSchema = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  amount: z.number().int(),
  /** So many runs of its job fail: before the first write, or between the two. */
  failures: z.number().int(),
  failAt: z.enum(['before', 'between']),
  /** The transaction itself is rolled back after it has asked for everything. */
  abort: z.boolean(),
})
export type Payment = z.infer<typeof paymentSchema>

/** A wallet as it is shown. */
export interface Wallet {
  readonly balance: number
  readonly receipts: number
  /** Rises with each change. */
  readonly version: number
}

const wallet = t.cacheKey('wallet', (id: string) => [id])

class Aborted extends Error {}

type Tx = Pick<TxOf<Schema>, 'query' | 'invalidate'>

/** Mistakes that the model has to notice. */
export const BUGS = {
  outside: 'the job is enqueued after the transaction instead of in it',
  unmarked: 'the write in the payee’s shard has another name in each run',
  forgotten: 'the write in the payee’s shard forgets to invalidate',
} as const
export type Bug = keyof typeof BUGS

const CHANGE = `update wallets set balance = balance + $2, receipts = receipts + $3, version = version + 1
  where owner_id = $1 returning balance, receipts, version`

/** The payee's side is another shard's: a write of its own. The payer's receipt ends the job. */
const creditJob = (bug: Bug | undefined) =>
  t.job('credit', {
    input: paymentSchema,
    attempts: 50,
    backoff: [5, 40],
    run: async (job, system) => {
      const { id, from, to, amount, failures, failAt } = job.input
      const fails = job.attempt <= failures
      if (fails && failAt === 'before') throw new Error('It was to fail')
      const name = bug === 'unmarked' ? `credit ${job.attempt}` : 'credit'
      await system.shard.user(to).write(name, async (tx) => {
        const credited = 'insert into credits (owner_id, id, amount) values ($1, $2, $3)'
        await tx.query(bug === 'unmarked' ? `${credited} on conflict do nothing` : credited, [to, id, amount])
        await tx.query(CHANGE, [to, amount, 0])
        if (bug !== 'forgotten') tx.invalidate(wallet(to))
      })
      if (fails) throw new Error('It was to fail')
      const receipt = async (tx: Tx): Promise<void> => {
        await tx.query('insert into receipts (owner_id, id) values ($1, $2)', [from, id])
        await tx.query(CHANGE, [from, 0, 1])
        tx.invalidate(wallet(from))
      }
      // A job that no transaction of the payer recorded does not lie in their shard.
      if (bug === 'outside') await system.shard.user(from).write('receipt', receipt)
      else await job.write('receipt', receipt)
    },
  })

/** Payments between wallets: rows, jobs and cached values that have to agree. */
export function joints(bug?: Bug) {
  const credit = creditJob(bug)
  return t.app({
    name: 'joints',
    migrations: new URL('./migrations/', import.meta.url),
    jobs: [credit],
    fetch: (system) => async (request) => {
      if (request.method === 'GET') {
        const id = new URL(request.url).pathname.slice('/wallets/'.length)
        const columns = ['balance', 'receipts', 'version'] as const
        const shown = await system.shard
          .user(id)
          .cached(wallet(id), {}, (db) =>
            db.selectFrom('wallets').select(columns).where('owner_id', '=', id).executeTakeFirst(),
          )
        return Response.json(shown ?? null)
      }
      const payment = paymentSchema.parse(await request.json())
      const { id, from, amount, abort } = payment
      try {
        const left = await system.shard.user(from).write('pay', async (tx) => {
          const paid = 'insert into payments (owner_id, id, amount) values ($1, $2, $3)'
          await tx.query(paid, [from, id, amount])
          const [row] = await tx.query<Wallet>(CHANGE, [from, -amount, 0])
          if (bug !== 'outside') tx.enqueue(credit, payment)
          tx.invalidate(wallet(from))
          if (abort) throw new Aborted()
          return row as Wallet
        })
        if (bug === 'outside') void system.jobs.enqueue(credit, payment).catch(() => {})
        return Response.json(left)
      } catch (error) {
        if (error instanceof Aborted) return Response.json(null, { status: 409 })
        throw error
      }
    },
  })
}
