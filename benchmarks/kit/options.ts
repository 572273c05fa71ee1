import { parseArgs } from 'node:util'

/** What every topic understands on its command line. */
export interface RunOptions {
  readonly rounds: number
  /** Seconds of one sample, where samples are measured by time. */
  readonly seconds: number
  /** Jobs, posts or photos of one sample, where samples are measured by those. */
  readonly count: number
  /** Write results/ and not only the screen. */
  readonly save: boolean
  /** Everything else, e.g. names of parts to run alone. */
  readonly words: readonly string[]
}

/** `--rounds N`, `--seconds N`, `--count N`, `--save`. Rules of the project: at least 15 rounds for a result that is kept. */
export function readOptions(
  defaults: { readonly rounds?: number; readonly seconds?: number; readonly count?: number } = {},
): RunOptions {
  const { values, positionals } = parseArgs({
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      count: { type: 'string' },
      save: { type: 'boolean' },
    },
    allowPositionals: true,
  })
  const rounds = Number(values.rounds ?? defaults.rounds ?? 15)
  const seconds = Number(values.seconds ?? defaults.seconds ?? 3)
  const count = Number(values.count ?? defaults.count ?? 1)
  if (!(Number.isInteger(rounds) && rounds > 0 && seconds > 0 && Number.isInteger(count) && count > 0))
    throw new RangeError('--rounds, --seconds and --count are positive numbers')
  if (values.save && rounds < 15) throw new RangeError('A result that is kept needs 15 rounds or more')
  return { rounds, seconds, count, save: values.save ?? false, words: positionals }
}
