import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import { insist } from '../kit/insist.ts'
import { Progress } from '../kit/progress.ts'
import type { Dice } from '../kit/seed.ts'
import type { Exchange } from './history.ts'
import type { Answer, Op } from './operations.ts'

/** Few, so that sessions meet; some are read far more often than others. */
const PAIRS = 24
const GETS = 12

/** How a session asks; told apart so that its token, if it has one, goes along. */
export type Send = (ops: readonly Op[], key: string) => Promise<readonly Answer[]>

/** How sessions reach the system. */
export interface Door {
  session(name: string, tracked: boolean, dice: Dice): Send
}

export interface PairWorkload {
  readonly history: Exchange[]
  readonly done: Promise<void>
  /** Operations answered so far. */
  readonly answered: () => number
  /** Resolves after so many further operations, or at the end. */
  progress(operations: number): Promise<void>
  /** Sessions begin nothing more. */
  end(): void
}

export interface PairOptions {
  readonly sessions: number
  readonly operations: number
  /** Whether most sessions keep a token. @defaultValue true */
  readonly tokens?: boolean
  /** Milliseconds at most between an answer and the next operations of a session. @defaultValue 0, no pause at all */
  readonly thinkMsMax?: number
}

/** Sessions that read and write pairs until `operations` of them have been answered. */
export function startPairs(
  door: Door,
  dice: Dice,
  { sessions, operations, tokens = true, thinkMsMax = 0 }: PairOptions,
): PairWorkload {
  const history: Exchange[] = []
  const progress = new Progress()
  let ended = false
  const one = async (at: number): Promise<void> => {
    const own = dice.branch(at)
    // Every fifth is somebody who keeps no token.
    const tracked = tokens && at % 5 !== 4
    const send = door.session(`s${at}`, tracked, own.branch(0))
    while (progress.done < operations && !ended) {
      const ops = randomOps(own)
      const sentAt = systemClock.monotonic()
      const exchange: Exchange = {
        session: `s${at}`,
        tracked,
        ops,
        sentAt,
        answeredAt: undefined,
        answers: [],
      }
      history.push(exchange)
      exchange.answers = await send(ops, own.uuid())
      exchange.answeredAt = systemClock.monotonic()
      progress.add(ops.length)
      if (thinkMsMax > 0) await systemClock.sleep(own.below(thinkMsMax))
    }
  }
  const done = Promise.all(Array.from({ length: sessions }, (_, at) => one(at)))
    .catch((error: unknown) => {
      ended = true
      throw error
    })
    .then(() => progress.end())
  done.catch(() => {})
  return {
    history,
    done,
    answered: () => progress.done,
    end: () => {
      ended = true
    },
    progress: (further) => (progress.done >= operations ? Promise.resolve() : progress.further(further)),
  }
}

/** The same until the test tells it to end, or ends: for a test that breaks things one after another. Who waits for a repair leaves it the processors. */
export function pairsUntilEnd(t: TestContext, door: Door, dice: Dice, sessions: number): PairWorkload {
  const workload = startPairs(door, dice, {
    sessions,
    operations: Number.POSITIVE_INFINITY,
    thinkMsMax: 120,
  })
  t.after(() => {
    workload.end()
    return workload.done.catch(() => {})
  })
  return workload
}

function randomOps(dice: Dice): Op[] {
  const gets = Array.from({ length: GETS }, () => randomGet(dice))
  if (!dice.chance(0.35)) return gets
  const id = pair(dice)
  // A write, and a look at what it changed.
  return [
    ...gets.slice(0, 2),
    { type: 'bump', id },
    { type: 'get', id, part: 'a' },
    { type: 'get', id, part: 'page' },
  ]
}

function randomGet(dice: Dice): Op {
  const part = dice.pick(['a', 'a', 'b', 'page'] as const)
  return { type: 'get', id: pair(dice), part, ...(dice.chance(0.02) && { slow: true as const }) }
}

/** The first are asked for most. */
const pair = (dice: Dice): string => String(1 + Math.floor(PAIRS * (dice.below(1000) / 1000) ** 2))

/**
 * Over HTTP: a token goes in the header of API clients. Whatever happens, a request is sent until it is answered.
 * @param where the server to ask, or what chooses one each time
 */
export function httpDoor(where: string | (() => string), troubles: Map<string, number>): Door {
  return {
    session: (_name, tracked, dice) => {
      let token = ''
      return async (ops, key) => {
        const send = async (signal: AbortSignal): Promise<Response> => {
          const url = typeof where === 'string' ? where : where()
          const headers: Record<string, string> = tracked ? { 'tenfold-seen': token } : {}
          if (ops.some(({ type }) => type === 'bump'))
            return fetch(`${url}/ops`, {
              method: 'POST',
              headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': key },
              body: JSON.stringify(ops),
              signal,
            })
          return fetch(`${url}/ops?ops=${encodeURIComponent(JSON.stringify(ops))}`, { headers, signal })
        }
        const noting = async (signal: AbortSignal): Promise<Response> => {
          const response = await send(signal)
          const next = response.headers.get('tenfold-seen')
          if (next && response.status === 200) token = next
          return response
        }
        const answer = await insist(noting, { dice, troubles })
        if (answer?.status !== 200) throw new Error(`Refused: ${answer?.status} ${answer?.body}`)
        return JSON.parse(answer.body) as Answer[]
      }
    },
  }
}
