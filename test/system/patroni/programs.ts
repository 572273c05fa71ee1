import { ensurePatroni, findPatroni, type Programs } from '../../../scripts/patroni.js'

export type { Programs }

/**
 * The programs, which `scripts/test.js` installs where it may. Where they are missing all the same: the reason to skip,
 * as a text; but CI has to run these tests, so there it installs, or throws.
 */
export function patroniPrograms(): Programs | string {
  const found = findPatroni(process.env)
  if (found) return found
  if (process.env.CI) return ensurePatroni(process.env)
  return 'Patroni, etcd or PostgreSQL is missing: npm run test:system -- patroni installs them or says how'
}
