import { readFileSync } from 'node:fs'
import type { RandomSource } from '../core/random.ts'
import { replaceFile } from '../data/postgres/files.ts'
import { StateFolderCorrupt } from './errors.ts'

const KEY_BYTES = 32

/**
 * The keys that sign cookies and tokens: the configured ones, else one that is made once and kept in the state
 * folder, readable by its owner only.
 */
export function signingKeys(
  configured: readonly string[] | undefined,
  file: string,
  random: RandomSource,
): Buffer[] {
  if (configured !== undefined && configured.length > 0)
    return configured.map((key) => Buffer.from(key, 'base64'))
  const kept = readKept(file)
  if (kept !== undefined) return kept
  const key = random.bytes(KEY_BYTES)
  replaceFile(file, `${JSON.stringify({ signingKeys: [key.toString('base64')] }, null, 2)}\n`, {
    mode: 0o600,
  })
  return [key]
}

function readKept(file: string): Buffer[] | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { signingKeys: keys } = JSON.parse(text) as { signingKeys: string[] }
    const decoded = keys.map((key) => Buffer.from(key, 'base64'))
    if (decoded.length > 0 && decoded.every((key) => key.length >= KEY_BYTES)) return decoded
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new StateFolderCorrupt(
    `${file} is damaged: it holds no signing keys of ${KEY_BYTES} bytes or more.`,
    'Restore it; or remove it to have a new key made, which logs everyone out.',
  )
}
