import type { Command } from 'commander'
export function logsCommand(program: Command): void {
  program.command('logs')
}
