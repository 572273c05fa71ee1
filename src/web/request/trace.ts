import type { TraceContext } from '../../core/context.ts'
import type { RandomSource } from '../../core/random.ts'

/** W3C Trace Context, level 1: `version-traceid-parentid-flags`; later versions may append fields. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/

/** Reads a `Traceparent` header; undefined when it is none, as the standard says to ignore it then. */
export function parseTraceparent(header: string | undefined): Omit<TraceContext, 'spanId'> | undefined {
  if (header === undefined) return undefined
  const match = TRACEPARENT.exec(header)
  if (!match) return undefined
  const [, version, traceId, parentId, flags, more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (ZEROS.test(traceId!) || ZEROS.test(parentId!)) return undefined
  return { traceId: traceId!, parentId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 }
}

/** This server's span: in the caller's trace, or in one of its own that is named by the request id. */
export function traceOf(header: string | undefined, requestId: string, random: RandomSource): TraceContext {
  const parent = parseTraceparent(header)
  const spanId = random.bytes(8).toString('hex')
  if (parent) return { ...parent, spanId }
  return { traceId: requestId.replaceAll('-', ''), spanId, parentId: undefined, sampled: false }
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`
}
