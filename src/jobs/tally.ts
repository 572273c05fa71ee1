import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Outcome } from './run.ts'

/** Counts one run by the job's name and how it ended. */
export type Tally = (name: string, ended: Outcome['kind'], ms: number) => void

export function tally(metrics: MetricsRegistry): Tally {
  const runs = metrics.counter('tenfold_job_runs_total', 'Runs of jobs by how they ended', ['name', 'ended'])
  const seconds = metrics.histogram('tenfold_job_run_seconds', 'Time that runs of jobs took', ['name'])
  return (name, ended, ms) => {
    runs.inc({ name, ended })
    seconds.observe({ name }, ms / 1000)
  }
}
