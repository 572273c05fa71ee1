import type { Command } from 'commander'
export function sqlCommand(program: Command): void {
  program.command('sql')
}
