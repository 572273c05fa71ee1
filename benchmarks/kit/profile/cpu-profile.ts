import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../processes.ts'

/** What V8's profiler gives, as far as we read it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly children?: readonly number[] | undefined
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

export interface Shares {
  /** Self time of single functions. */
  readonly functions: Share[]
  /** Self time of packages, folders of ours, Node.js. */
  readonly parts: Share[]
  /** Functions of ours with everything that libraries and Node.js did on their behalf. */
  readonly onBehalf: Share[]
  readonly busyMs: number
}

/** Where the time went. Idle time is left out. */
export function shares(profile: CpuProfile): Shares {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const [functions, parts, onBehalf] = [
    new Map<string, number>(),
    new Map<string, number>(),
    new Map<string, number>(),
  ]
  const owners = ownersOf(profile)
  let busy = 0
  profile.samples?.forEach((id, at) => {
    const frame = frames.get(id)
    if (!frame || frame.functionName === '(idle)') return
    const us = profile.timeDeltas?.[at] ?? 0
    busy += us
    const place = placeOf(frame.url)
    const name = nameOf(frame)
    functions.set(name, (functions.get(name) ?? 0) + us)
    const part = partOf(frame.functionName, place)
    parts.set(part, (parts.get(part) ?? 0) + us)
    const owner = owners.get(id) ?? 'nobody of ours'
    onBehalf.set(owner, (onBehalf.get(owner) ?? 0) + us)
  })
  const ordered = (times: Map<string, number>): Share[] =>
    [...times]
      .map(([name, us]) => ({ name, percent: (us / busy) * 100 }))
      .sort((a, b) => b.percent - a.percent)
  return {
    functions: ordered(functions),
    parts: ordered(parts),
    onBehalf: ordered(onBehalf),
    busyMs: busy / 1000,
  }
}

/** By node: the nearest function of ours on the way up, itself included. */
function ownersOf({ nodes }: CpuProfile): Map<number, string> {
  const owners = new Map<number, string>()
  const frames = new Map(nodes.map((node) => [node.id, node]))
  const visit = (id: number, above: string | undefined): void => {
    const node = frames.get(id)
    if (!node) return
    const owner = /^(src|examples)\//.test(placeOf(node.callFrame.url)) ? nameOf(node.callFrame) : above
    if (owner !== undefined) owners.set(id, owner)
    for (const child of node.children ?? []) visit(child, owner)
  }
  if (nodes[0]) visit(nodes[0].id, undefined)
  return owners
}

type Frame = CpuProfile['nodes'][number]['callFrame']

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const place = placeOf(url)
  return `${functionName || '(anonymous)'}${place && ` ${place}:${lineNumber + 1}`}`
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
