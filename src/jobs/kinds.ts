import { Cron } from 'croner'
import { type Duration, milliseconds } from '../core/duration.ts'
import { ATTEMPTS, BACKOFF_MS, PRIORITY_MAX, TEXT_LENGTH_MAX, TIMEOUT_MS } from './defaults.ts'
import { JobInputInvalid, JobOptionInvalid } from './errors.ts'
import type { InputSchema, JobDefinition } from './types.ts'

/** A kind of job, its options checked and completed. */
export interface JobKind {
  readonly name: string
  readonly run: (run: unknown, system: unknown) => Promise<void>
  readonly input: InputSchema
  readonly attemptsMax: number
  readonly timeoutMs: number
  readonly backoffMs: readonly [first: number, longest: number]
  readonly priority: number
  readonly concurrency: number | null
  readonly cron: Cron | undefined
}

const KNOWN = new WeakMap<JobDefinition, JobKind>()

/** @throws JobOptionInvalid */
export function kindOf(definition: JobDefinition): JobKind {
  let kind = KNOWN.get(definition)
  if (!kind) {
    kind = checked(definition)
    KNOWN.set(definition, kind)
  }
  return kind
}

/** The kinds of an app by name. @throws JobOptionInvalid also when two have the same name */
export function kindsOf(definitions: readonly JobDefinition[]): ReadonlyMap<string, JobKind> {
  const kinds = new Map<string, JobKind>()
  for (const definition of definitions) {
    const kind = kindOf(definition)
    if (kinds.has(kind.name)) throw new JobOptionInvalid(kind.name, 'two jobs have this name.')
    kinds.set(kind.name, kind)
  }
  return kinds
}

function checked({ name, options }: JobDefinition): JobKind {
  const refuse = (why: string): never => {
    throw new JobOptionInvalid(name, why)
  }
  const whole = (what: string, value: number, least: number, most: number): number =>
    Number.isInteger(value) && value >= least && value <= most
      ? value
      : refuse(`${what} has to be a whole number from ${least} to ${most}, not ${value}.`)
  const span = (what: string, value: Duration): number => {
    try {
      return Math.ceil(milliseconds(value))
    } catch (error) {
      return refuse(`${what}: ${(error as Error).message}.`)
    }
  }
  if (!/^[A-Za-z][\w.-]*$/.test(name) || name.length > TEXT_LENGTH_MAX)
    refuse('a name is letters, digits, `.`, `_` and `-`, at most 200, and begins with a letter.')
  if (typeof options.run !== 'function') refuse('`run` has to be a function.')
  if (typeof options.input?.safeParse !== 'function') refuse('`input` has to be a zod schema.')
  const timeoutMs = span('timeout', options.timeout ?? TIMEOUT_MS)
  if (timeoutMs < 1 || timeoutMs > 2 ** 31 - 1) refuse('timeout has to be from 1 ms to 24 days.')
  const backoffMs = [
    span('backoff', options.backoff?.[0] ?? BACKOFF_MS[0]),
    span('backoff', options.backoff?.[1] ?? BACKOFF_MS[1]),
  ] as const
  if (backoffMs[0] > backoffMs[1]) refuse('the longest wait of backoff is shorter than the first.')
  return {
    name,
    run: options.run as JobKind['run'],
    input: options.input,
    attemptsMax: whole('attempts', options.attempts ?? ATTEMPTS, 1, 1000),
    timeoutMs,
    backoffMs,
    priority: whole('priority', options.priority ?? 0, -PRIORITY_MAX, PRIORITY_MAX),
    concurrency:
      options.concurrency === undefined ? null : whole('concurrency', options.concurrency, 1, 10_000),
    cron: options.cron === undefined ? undefined : schedule(options, refuse),
  }
}

function schedule(options: JobDefinition['options'], refuse: (why: string) => never): Cron {
  let cron: Cron
  try {
    cron = new Cron(options.cron as string, { timezone: 'UTC', paused: true })
  } catch (error) {
    return refuse(`cron: ${(error as Error).message}.`)
  }
  const { success } = parse(options.input, {})
  return success ? cron : refuse('a job with `cron` is put in with the input {}, and `input` refuses it.')
}

/** Checks a payload. A schema that throws (it is asynchronous, or broken) refuses. */
export function parse(input: InputSchema, payload: unknown): ReturnType<InputSchema['safeParse']> {
  try {
    return input.safeParse(payload)
  } catch (error) {
    return { success: false, error: error as Error }
  }
}

/** What a refused payload is told. */
export function inputInvalid(name: string, error: { message: string }): JobInputInvalid {
  const issues = (error as { issues?: { path?: PropertyKey[]; message: string }[] }).issues
  const why = issues
    ?.map(({ path, message }) => `${path?.length ? `${path.join('.')}: ` : ''}${message}`)
    .join('; ')
  return new JobInputInvalid(name, why ?? error.message, { cause: error })
}
