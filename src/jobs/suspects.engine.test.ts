import { test } from 'node:test'
import { gate } from './fixtures/gate.ts'
import { job, wired } from './fixtures/wired.ts'

const times = { poll: 10, stop: 100, abort: 100, alone: 20 }

test('a job whose worker vanished does not stand in the way of all others for as long as a long run takes', async (t) => {
  const [begun, end, quick] = [gate(), gate(), gate()]
  const long = job<null>('long', async () => {
    begun.open()
    await end
  })
  const work = job<null>('work', async () => quick.open())
  const { enqueueHome, jobs, sql } = await wired(t, [long, work], { times })
  await jobs.worker.start()
  await enqueueHome(long, [null])
  await begun
  await enqueueHome(work, [null], { delay: 3_600_000 })
  await sql('update tenfold.jobs set state = 5, lost = 1, run_at = now() where state = 1')
  await quick
  end.open()
})

test('a long run of a job whose worker vanished does not keep all others waiting', async (t) => {
  const [begun, end, quick] = [gate(), gate(), gate()]
  const long = job<null>('long', async () => {
    begun.open()
    await end
  })
  const work = job<null>('work', async () => quick.open())
  const { enqueueHome, jobs, sql } = await wired(t, [long, work], { times })
  await enqueueHome(long, [null], { delay: 3_600_000 })
  await sql('update tenfold.jobs set state = 5, lost = 1, run_at = now()')
  await jobs.worker.start()
  await begun
  await enqueueHome(work, [null])
  await quick
  end.open()
})
