import { type Logger, silentLogger } from '../../../src/core/log.ts'

/** A log that tells of which node something is said. */
export const telling = (what: string, tell: (node: string) => void): Logger => ({
  ...silentLogger,
  info: (about: object, message?: string) => {
    if (message === what) tell((about as { node: string }).node)
  },
})

/** The nodes that are copied, in this order. */
export function copies(): { readonly log: Logger; readonly copied: string[] } {
  const copied: string[] = []
  return { copied, log: telling('a replica was made', (node) => copied.push(node)) }
}
