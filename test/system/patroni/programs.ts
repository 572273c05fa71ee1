import { ensurePatroni, findPatroni, type Programs } from '../../../scripts/patroni.js'

export type { Programs }

/**
 * The programs, installed at need. Where that is impossible: the reason to skip, as a text; but CI has to run these
 * tests, so there it throws.
 */
export function patroniPrograms(): Programs | string {
  try {
    return findPatroni(process.env) ?? ensurePatroni(process.env)
  } catch (error) {
    if (process.env.CI) throw error
    return (error as Error).message
  }
}
