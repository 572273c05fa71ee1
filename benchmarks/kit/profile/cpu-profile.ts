import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../processes.ts'

/** What V8's profiler gives, as far as we read it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples?: readonly number[] | undefined
  readonly timeDeltas?: readonly number[] | undefined
}

export interface Share {
  readonly name: string
  /** Percent of the time in which the thread was busy. */
  readonly percent: number
}

/** Self time, of single functions and of whole parts. Idle time is left out. */
export function shares(profile: CpuProfile): { functions: Share[]; parts: Share[]; busyMs: number } {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const [functions, parts] = [new Map<string, number>(), new Map<string, number>()]
  let busy = 0
  profile.samples?.forEach((id, at) => {
    const frame = frames.get(id)
    if (!frame || frame.functionName === '(idle)') return
    const us = profile.timeDeltas?.[at] ?? 0
    busy += us
    const place = placeOf(frame.url)
    const name = `${frame.functionName || '(anonymous)'}${place && ` ${place}:${frame.lineNumber + 1}`}`
    functions.set(name, (functions.get(name) ?? 0) + us)
    const part = partOf(frame.functionName, place)
    parts.set(part, (parts.get(part) ?? 0) + us)
  })
  const ordered = (times: Map<string, number>): Share[] =>
    [...times]
      .map(([name, us]) => ({ name, percent: (us / busy) * 100 }))
      .sort((a, b) => b.percent - a.percent)
  return { functions: ordered(functions), parts: ordered(parts), busyMs: busy / 1000 }
}

const placeOf = (url: string): string => (url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url)

function partOf(name: string, place: string): string {
  if (name === '(garbage collector)') return 'garbage collector'
  if (place === '') return 'native code of Node.js and V8'
  if (place.startsWith('node:')) return 'JavaScript of Node.js'
  const [, dependency] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place) ?? []
  if (dependency) return dependency
  return place.split('/').slice(0, 3).join('/')
}
