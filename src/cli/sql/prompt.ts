import { createInterface } from 'node:readline/promises'
import { say } from '../output.ts'
import { explainSql } from './explain.ts'

/** A small reader for machines without psql: statements end with a semicolon, `\q` or Ctrl-D ends it. */
export async function prompt(cluster: string, run: (sql: string) => Promise<void>): Promise<void> {
  say('psql is not installed; this is a small reader. End statements with a semicolon, leave with \\q.')
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: `${cluster}=> ` })
  lines.prompt()
  let held = ''
  for await (const line of lines) {
    if (/^\s*(\\q|exit|quit)\s*;?\s*$/.test(line)) break
    held += `${line}\n`
    if (/;\s*$/.test(line)) {
      await run(held).catch((error) => say(explainSql(error)))
      held = ''
    }
    lines.setPrompt(held.trim() === '' ? `${cluster}=> ` : `${cluster}-> `)
    lines.prompt()
  }
  lines.close()
}
