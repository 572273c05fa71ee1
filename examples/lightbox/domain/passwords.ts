import * as crypto from 'node:crypto'
import { promisify } from 'node:util'
import { tooBusy } from './problems.ts'

/*
 * Passwords are kept as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` where this Node.js has argon2,
 * else `$scrypt$ln=15,r=8,p=3$salt$hash` (OWASP's parameters of both). A hash of the other kind or with other
 * parameters is still understood, and replaced at the next log-in.
 */

const SALT_BYTES = 16
const HASH_BYTES = 32
/** At once: each takes a thread of libuv's four, and some 20 to 32 MiB. */
const RUNNING_MAX = 2
/** Further ones wait; beyond that a sign-up is refused rather than queued for seconds. */
const WAITING_MAX = 100

type Kind = 'argon2id' | 'scrypt'
/** In PHC's names: m is KiB, t passes, p lanes; ln the logarithm of N, r the block size. */
type Parameters = Readonly<Record<string, number>>

const PREFERRED: Readonly<Record<Kind, Parameters>> = {
  argon2id: { m: 19_456, t: 2, p: 1 },
  scrypt: { ln: 15, r: 8, p: 3 },
}

const KIND: Kind = typeof crypto.argon2 === 'function' ? 'argon2id' : 'scrypt'

/** Hashes with a fresh salt. @throws Problem `too-busy` */
export function hashPassword(password: string, kind: Kind = KIND): Promise<string> {
  const salt = crypto.randomBytes(SALT_BYTES)
  return limited(async () => {
    const hash = await derive(kind, PREFERRED[kind], password, salt)
    return phc(kind, PREFERRED[kind], salt, hash)
  })
}

/**
 * Whether the password is the one of this hash. Without a hash (nobody has that handle) the same work is done
 * for nothing, so that the time of an answer does not tell who has an account. @throws Problem `too-busy`
 */
export function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  return limited(async () => {
    const { kind, parameters, salt, hash } = parse(stored ?? NOBODY)
    const derived = await derive(kind, parameters, password, salt)
    return crypto.timingSafeEqual(derived, hash) && stored !== null
  })
}

/** Whether this hash was made as new ones are not made any more. */
export function isOutdated(stored: string): boolean {
  const { kind, parameters } = parse(stored)
  return phcParameters(kind, parameters) !== phcParameters(KIND, PREFERRED[KIND])
}

const argon2 = KIND === 'argon2id' ? promisify(crypto.argon2) : undefined
const scrypt = promisify<string, Buffer, number, crypto.ScryptOptions, Buffer>(crypto.scrypt)

async function derive(kind: Kind, parameters: Parameters, password: string, salt: Buffer): Promise<Buffer> {
  const { m = 0, t = 0, p = 1, ln = 0, r = 0 } = parameters
  if (kind === 'scrypt') {
    const N = 2 ** ln
    return scrypt(password, salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r })
  }
  if (!argon2)
    throw new Error('This Node.js has no argon2; run the one that wrote the passwords (24.7 or later)')
  const message = Buffer.from(password)
  return argon2('argon2id', {
    message,
    nonce: salt,
    parallelism: p,
    tagLength: HASH_BYTES,
    memory: m,
    passes: t,
  })
}

interface Parsed {
  kind: Kind
  parameters: Parameters
  salt: Buffer
  hash: Buffer
}

const PHC =
  /^\$(argon2id|scrypt)(?:\$v=19)?\$([a-z]+=\d+(?:,[a-z]+=\d+)*)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function parse(stored: string): Parsed {
  const [, kind, list = '', salt = '', hash = ''] = PHC.exec(stored) ?? []
  if (kind !== 'argon2id' && kind !== 'scrypt') throw new Error('A stored password hash is not in PHC form')
  const parameters = Object.fromEntries(
    list.split(',').map((pair) => {
      const [name = '', value] = pair.split('=')
      return [name, Number(value)]
    }),
  )
  return { kind, parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

function phcParameters(kind: Kind, parameters: Parameters): string {
  const list = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return `$${kind}${kind === 'argon2id' ? '$v=19' : ''}$${list.join(',')}`
}

const phc = (kind: Kind, parameters: Parameters, salt: Buffer, hash: Buffer): string =>
  `${phcParameters(kind, parameters)}$${base64(salt)}$${base64(hash)}`

const NOBODY = phc(KIND, PREFERRED[KIND], Buffer.alloc(SALT_BYTES), Buffer.alloc(HASH_BYTES))

let running = 0
const waiting: (() => void)[] = []

async function limited<R>(work: () => Promise<R>): Promise<R> {
  if (running >= RUNNING_MAX) {
    if (waiting.length >= WAITING_MAX) throw tooBusy()
    await new Promise<void>((go) => waiting.push(go))
  } else running += 1
  try {
    return await work()
  } finally {
    // The place is handed on, so that nobody slips in between.
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}
