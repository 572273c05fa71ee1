import { randomFillSync } from 'node:crypto'

/** The one source of randomness. Injected, so that a run can be replayed from a seed. */
export interface RandomSource {
  /** `length` fresh random bytes. */
  bytes(length: number): Buffer
  /** A number in [0, 1). Not for secrets. */
  next(): number
}

const POOL_BYTES = 8192

/** Cryptographic randomness, drawn from the system in blocks because one system call per id is slow. */
export function systemRandom(): RandomSource {
  const pool = Buffer.allocUnsafe(POOL_BYTES)
  let used = POOL_BYTES
  const bytes = (length: number): Buffer => {
    if (length > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(length))
    if (used + length > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    const out = Buffer.from(pool.subarray(used, used + length))
    pool.fill(0, used, used + length)
    used += length
    return out
  }
  return { bytes, next: () => bytes(6).readUIntBE(0, 6) / 2 ** 48 }
}

/** A repeatable source for tests and simulations (splitmix64 of the seed). Never for secrets. */
export function seededRandom(seed: number | bigint): RandomSource {
  let state = BigInt.asUintN(64, BigInt(seed))
  const word = (): bigint => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
    let z = state
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    return z ^ (z >> 31n)
  }
  return {
    bytes: (length) => {
      const out = Buffer.alloc(Math.ceil(length / 8) * 8)
      for (let at = 0; at < out.length; at += 8) out.writeBigUInt64BE(word(), at)
      return out.subarray(0, length)
    },
    next: () => Number(word() >> 11n) / 2 ** 53,
  }
}
