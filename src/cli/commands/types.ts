import type { Command } from 'commander'
export function typesCommand(program: Command): void {
  program.command('types')
}
