import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { checkAll, type Demands } from './checkers/all.ts'
import { readFinals } from './finals.ts'
import type { Operation, Recorder, Violation } from './history.ts'
import { ACCOUNTS } from './operations.ts'

/** All that is wrong with a finished history, against what the databases hold. */
export async function violations(
  history: readonly Operation[],
  clusters: readonly ConnectionOptions[],
  demands: Demands = {},
): Promise<Violation[]> {
  return checkAll(history, { balances: ACCOUNTS }, await readFinals(clusters), demands)
}

/** Fails the test on any violation, and leaves the history in the temporary folder. */
export async function assertSound(
  t: TestContext,
  recorder: Recorder,
  clusters: readonly ConnectionOptions[],
  context: string,
  demands: Demands = {},
): Promise<void> {
  const found = await violations(recorder.operations, clusters, demands)
  const count = (outcome: string): number =>
    recorder.operations.filter((operation) => operation.outcome === outcome).length
  t.diagnostic(`${context}: ${count('ok')} operations answered, ${count('unknown')} unknown`)
  if (found.length === 0) return
  const file = join(mkdtempSync(join(tmpdir(), 'tenfold-history-')), 'history.jsonl')
  recorder.save(file)
  const list = found
    .slice(0, 20)
    .map(({ checker, message, operations }) => `${checker}: ${message} [${operations}]`)
  throw new Error(`${found.length} violations (${context}); history: ${file}\n${list.join('\n')}`)
}
