import { type Command, InvalidArgumentError, Option } from 'commander'
import { JOB_STATES, type JobStatus } from '../../jobs/types.ts'
import { ExitWith } from '../exit.ts'
import { print, printJson, say, table } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 10_000
/** Characters of an error's first line in the table. */
const ERROR_WIDTH = 60

interface Flags {
  readonly data?: string
  readonly json?: true
  readonly state?: string
  readonly name?: string
  readonly limit: number
  readonly allDead?: true
}

export function jobsCommand(program: Command): void {
  const jobs = program
    .command('jobs')
    .description('show jobs that wait, run or are dead; put dead ones in again, or forget them')
  examples(jobs, ['jobs list --state dead', 'jobs retry --all-dead'])
  const list = withPlace(jobs.command('list').description('show jobs, oldest first; what is done is gone'))
    .addOption(new Option('--state <state>', 'only these').choices(JOB_STATES))
    .option('--name <name>', 'only jobs of this kind')
    .option('--limit <n>', 'how many at most', limit, LIMIT_DEFAULT)
    .action(listJobs)
  examples(list, ['jobs list', 'jobs list --state dead --name resizePhoto', 'jobs list --json | jq length'])
  const retry = withPlace(
    jobs.command('retry [id]').description('put dead jobs in again; their attempts count anew'),
  )
    .option('--all-dead', 'all of them')
    .action((id: string | undefined, flags: Flags) => change('retry', id, flags))
  examples(retry, ['jobs retry 0199a7c4-5b1f-7d2e-8a01-0c9d3f5e7b21', 'jobs retry --all-dead'])
  const discard = withPlace(
    jobs.command('discard [id]').description('forget dead jobs; they never run again'),
  )
    .option('--all-dead', 'all of them')
    .action((id: string | undefined, flags: Flags) => change('discard', id, flags))
  examples(discard, ['jobs discard 0199a7c4-5b1f-7d2e-8a01-0c9d3f5e7b21', 'jobs discard --all-dead'])
  for (const command of jobs.commands) command.copyInheritedSettings(jobs)
}

const withPlace = (command: Command): Command =>
  command.addOption(dataOption()).addOption(jsonOption()).addOption(debugOption())

async function listJobs({ data, json, state, name, limit }: Flags): Promise<void> {
  const { askJobs } = await import('../../supervisor/control-client.ts')
  const found = (await askJobs(chosenFolder(data), { state, name, limit })) as JobStatus[]
  if (json) return printJson(found)
  if (found.length === 0) return say('no jobs')
  print(jobsText(found))
  if (found.length === limit) say(`the first ${limit}; see more with --limit`)
}

/** A list of jobs for a person. */
export function jobsText(found: readonly JobStatus[]): string {
  return table([
    ['ID', 'NAME', 'STATE', 'ATTEMPT', 'RUN AT', 'ERROR'],
    ...found.map(({ id, name, state, attempt, attemptsMax, runAt, error }) => [
      id,
      name,
      state,
      `${attempt}/${attemptsMax}`,
      runAt.slice(0, 19).replace('T', ' '),
      (error ?? '').split('\n', 1)[0]?.slice(0, ERROR_WIDTH) ?? '',
    ]),
  ])
}

async function change(what: 'retry' | 'discard', id: string | undefined, flags: Flags): Promise<void> {
  if ((id === undefined) === (flags.allDead === undefined)) {
    say(`tenfold: say which: the id of a dead job, or --all-dead`)
    throw new ExitWith(2)
  }
  const { askJobChange } = await import('../../supervisor/control-client.ts')
  const count = await askJobChange(chosenFolder(flags.data), what, id)
  if (flags.json) return printJson({ jobs: count })
  const done = what === 'retry' ? 'put in again' : 'forgotten'
  say(`${count} ${count === 1 ? 'job' : 'jobs'} ${done}`)
}

function limit(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > LIMIT_MAX)
    throw new InvalidArgumentError(`It is not a whole number from 1 to ${LIMIT_MAX}.`)
  return value
}
