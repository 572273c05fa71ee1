import type { RequestContext } from '../../core/context.ts'
import { DataUnavailable, type Outcome } from '../errors.ts'

/**
 * What is known of all that a request has written, where a part of it cannot be done: whoever is told "not applied" sends
 * it again.
 *
 * @param own how many of the writes that were begun end with this one, and are not applied then
 */
export function outcomeOf(context: RequestContext | undefined, own: number): Outcome {
  if (context?.wrote?.size) return 'earlier writes of this request were applied'
  // Another may be under way, in doubt, or given up by whoever began it.
  return context && context.writeNames.size > own ? 'outcome unknown' : 'not applied'
}

/** The same for an error of a part that knows nothing of the rest; inside a write that is not applied when it fails. */
export function withinRequest(
  error: unknown,
  context: RequestContext | undefined,
  own = context?.write ? 1 : 0,
): unknown {
  if (!(error instanceof DataUnavailable) || error.outcome !== 'not applied') return error
  const outcome = outcomeOf(context, own)
  return outcome === 'not applied' ? error : new DataUnavailable(error.cluster, outcome, error.cause)
}
