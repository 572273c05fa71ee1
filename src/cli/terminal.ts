import { isatty } from 'node:tty'

const OUTPUTS = [0, 1, 2]

/**
 * SIGHUP has two senders: an operator who means "read your files again", and a terminal that closes. Returns a
 * question to be asked when it arrives: has the terminal gone from which this process was started?
 */
export function watchTerminal(): () => boolean {
  const terminals = OUTPUTS.filter((fd) => isatty(fd))
  // A terminal that has hung up is none any more.
  return () => terminals.some((fd) => !isatty(fd))
}
