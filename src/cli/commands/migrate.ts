import type { Command } from 'commander'
export function migrateCommand(program: Command): void {
  program.command('migrate')
}
