import { join } from 'node:path'
import { databaseOf, startLightbox, withFolder } from '../kit/lightbox.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { answers } from '../kit/poll.ts'
import { serverVersion } from '../kit/postgres-version.ts'
import { finish, type Goal, goalRow, interval, number, type Row } from '../kit/report.ts'
import { estimate, maximum } from '../kit/stats.ts'
import { withWatchedCopy } from './watched-copy.ts'

const PATH = '/users/12'

/** What is timed, in seconds. `npm`'s own start is part of the first two, as it is part of the promise. */
const FIGURES = {
  empty: {
    text: 'npm start on an empty folder, until it answers',
    goal: { text: '≤ 3 s', bound: 3, better: 'lower' },
  },
  existing: {
    text: 'npm start on an existing folder, until it answers',
    goal: { text: '≤ 1 s', bound: 1, better: 'lower' },
  },
  direct: { text: 'the same without npm (bin/tenfold.js start)', goal: undefined },
  stop: { text: 'Ctrl-C until all processes have ended', goal: undefined },
  killed: {
    text: 'kill -9 of web-1, until it answers again',
    goal: { text: '≤ 1 s', bound: 1, better: 'lower' },
  },
  watch: {
    text: '--watch: a source is saved, until the new one answers',
    goal: { text: '< 1 s', bound: 1, better: 'lower' },
  },
} as const satisfies Record<string, { text: string; goal: Goal | undefined }>

type Figure = keyof typeof FIGURES

const options = readOptions()
const seconds: Record<Figure, number[]> = {
  empty: [],
  existing: [],
  direct: [],
  stop: [],
  killed: [],
  watch: [],
}
let machine: Machine | undefined

for (let round = 0; round < options.rounds; round++) {
  await withFolder((base) => once(join(base, 'state')))
  process.stderr.write(`${round + 1}/${options.rounds} ${describeRound()}\n`)
}
await watchRestarts()

const rows: Row[] = Object.entries(FIGURES).flatMap(([name, { text, goal }]) => {
  const values = seconds[name as Figure]
  const found = estimate(values)
  const own = goal ? goalRow(text, goal, found, ' s') : { figure: text, value: `${interval(found)} s` }
  return [own, { figure: `${text}: slowest`, value: `${number(maximum(values))} s` }]
})
finish(
  {
    topic: 'Start',
    machine: machine!,
    rounds: options.rounds,
    how: `${options.rounds} runs of each`,
    rows,
    samples: seconds,
  },
  options.save ? import.meta.dirname : undefined,
)

async function timed<R>(figure: Figure, work: () => Promise<R>): Promise<R> {
  const startedAt = performance.now()
  const result = await work()
  seconds[figure].push((performance.now() - startedAt) / 1000)
  return result
}

async function begin(figure: Figure, folder: string, through?: 'npm') {
  return timed(figure, async () => {
    const running = await startLightbox({ folder, ...(through && { through }) })
    await answers(running.url + PATH)
    return running
  })
}

/** One life of a folder: made, stopped, started again, and its web node killed. */
async function once(folder: string): Promise<void> {
  const first = await begin('empty', folder, 'npm')
  try {
    machine ??= describeMachine(await serverVersion(await databaseOf(folder)))
  } finally {
    await timed('stop', () => first.stop())
  }
  const second = await begin('existing', folder, 'npm')
  await second.stop()
  const third = await begin('direct', folder)
  try {
    await timed('killed', () => {
      process.kill(third.web, 'SIGKILL')
      return answers(third.url + PATH)
    })
  } finally {
    await third.stop()
  }
}

async function watchRestarts(): Promise<void> {
  await withFolder((base) =>
    withWatchedCopy(async ({ app, change }) => {
      const running = await startLightbox({ folder: join(base, 'state'), app, flags: ['--watch'] })
      try {
        for (let round = 0; round < options.rounds; round++) {
          const mark = `changed-${round}`
          await timed('watch', async () => {
            change(mark)
            await answers(
              running.url + PATH,
              (status, headers) => status === 200 && headers['x-change'] === mark,
            )
          })
        }
      } finally {
        await running.stop()
      }
    }),
  )
}

function describeRound(): string {
  return Object.entries(seconds)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name} ${number(values.at(-1) as number)} s`)
    .join('  ')
}
