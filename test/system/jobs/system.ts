import assert from 'node:assert/strict'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { JobState, JobStatus } from '../../../src/jobs/index.ts'
import { askJobs } from '../../../src/supervisor/control-client.ts'
import { type Place, place, type Running } from '../cli/kit.ts'
import { until } from '../kit/deadline.ts'

const APP = fileURLToPath(new URL('./fixtures/app/', import.meta.url))

const ZOD = fileURLToPath(new URL('../../../node_modules/zod', import.meta.url))

/** A place with the application of these tests. */
export function jobsPlace(t: TestContext): Place {
  const here = place(t)
  cpSync(APP, here.app, { recursive: true, force: true })
  symlinkSync(ZOD, join(here.app, 'node_modules', 'zod'))
  return here
}

/** What `tenfold jobs list` shows, without its process; undefined while the system is away. */
export async function listed(here: Pick<Place, 'data'>, state?: JobState): Promise<JobStatus[] | undefined> {
  try {
    return (await askJobs(here.data, { state, limit: 100 })) as JobStatus[]
  } catch {
    return undefined
  }
}

/** Posts until it is answered, under one Idempotency-Key, as a client does. */
export async function insist(system: Running, path: string): Promise<unknown> {
  const key = path.replaceAll(/[^a-z0-9]+/g, '-')
  return until(`an answer to ${path}`, async () => {
    try {
      const response = await fetch(system.url + path, { method: 'POST', headers: { 'idempotency-key': key } })
      if (response.ok) return await response.json()
      if (response.status < 500) throw new RangeError(`${response.status} ${await response.text()}`)
    } catch (error) {
      if (error instanceof RangeError) throw error
    }
    return undefined
  })
}

export interface Counter {
  readonly owner: string
  readonly name: string
  readonly value: number
}

/** The counters once nothing waits and nothing runs. */
export async function settled(
  here: Pick<Place, 'data'>,
  system: Pick<Running, 'get'>,
  ms?: number,
  paceMs?: number,
): Promise<Counter[]> {
  const ask = async (): Promise<Counter[] | undefined> => {
    const jobs = await listed(here)
    if (jobs === undefined || jobs.some(({ state }) => state !== 'dead')) return undefined
    const response = await system.get('/').catch(() => undefined)
    return response?.ok ? ((await response.json()) as Counter[]) : undefined
  }
  return until('the end of all jobs', ask, ms, paceMs)
}

export function assertOnce(counters: readonly Counter[], owner: string): void {
  const of = (who: string, name: string) =>
    counters.filter((one) => one.owner === who && one.name === name).map(({ value }) => value)
  const other = String(Number(owner) + 1000)
  assert.deepEqual(
    [of(owner, 'asked'), of(owner, 'own'), of(other, 'other'), of(owner, 'followed'), of(owner, 'unseen')],
    [[1], [1], [1], [2], []],
    `owner ${owner}`,
  )
}
