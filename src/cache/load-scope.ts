import type { Lsn } from '../core/lsn.ts'
import type { ReadSpan } from '../core/ports.ts'
import { CacheNesting } from './errors.ts'
import { reaches, waits } from './waits-for.ts'

/** Where a value that was given to a loader was read. */
export interface Given {
  readonly from: Lsn
  readonly upto: Lsn
  readonly timeline: number
  readonly torn: boolean
}

/**
 * A load that runs, for the cached reads inside it: what they give was read earlier than the load itself, and what is built
 * from it is as old as its oldest part.
 */
export class LoadScope {
  readonly text: string
  readonly prefix: string
  /** A comparison, for which nothing may come from the cache. */
  readonly audits: boolean
  readonly waitsFor = new Set<LoadScope>()
  readonly #outer: LoadScope | undefined
  #from: Lsn | undefined
  #upto: Lsn | undefined
  #timeline: number | undefined
  #torn = false

  constructor(text: string, prefix: string, outer: LoadScope | undefined, audits = false) {
    this.audits = audits || (outer?.audits ?? false)
    this.text = text
    this.prefix = prefix
    this.#outer = outer
  }

  /** @throws CacheNesting when `text` could never be invalidated together with what is being loaded, or waits for it */
  enter(text: string, prefix: string): void {
    if (prefix !== this.prefix) throw new CacheNesting(this.text, text, 'elsewhere')
    for (let scope: LoadScope | undefined = this; scope; scope = scope.#outer)
      if (scope.text === text) throw new CacheNesting(this.text, text, 'itself')
  }

  /** From now on this load waits for another, as long as that lasts. @throws CacheNesting when that one waits for this */
  joins(other: LoadScope, done: Promise<unknown>): void {
    for (let scope: LoadScope | undefined = this; scope; scope = scope.#outer)
      if (reaches(other, scope)) throw new CacheNesting(this.text, other.text, 'itself')
    waits(this, other, done)
  }

  /** A cached value went into this load. */
  note({ from, upto, timeline, torn }: Given): void {
    if (torn || (this.#timeline ?? timeline) !== timeline) this.#torn = true
    this.#timeline = timeline
    if (this.#from === undefined || from < this.#from) this.#from = from
    if (this.#upto === undefined || upto > this.#upto) this.#upto = upto
  }

  /** Whether cached values went in: the load may then be older than its own beginning. */
  get nested(): boolean {
    return this.#from !== undefined
  }

  /** The place in the log of the whole: its own span together with those of its parts. */
  reading(span: ReadSpan, lease: Given): Given {
    const own: Given =
      span.from === undefined || span.upto === undefined || span.timeline === undefined
        ? { ...lease, torn: span.torn ?? false }
        : { from: span.from, upto: span.upto, timeline: span.timeline, torn: span.torn ?? false }
    if (this.#from === undefined || this.#upto === undefined) return own
    return {
      from: own.from < this.#from ? own.from : this.#from,
      upto: own.upto > this.#upto ? own.upto : this.#upto,
      timeline: own.timeline,
      torn: own.torn || this.#torn || own.timeline !== this.#timeline,
    }
  }
}
