import type { Reservation } from '../../core/context.ts'
import type { Exchange } from '../exchange.ts'
import type { ArrivedBody } from './body.ts'
import { formIdempotencyKey, spooledFormKey } from './form-key.ts'
import { bodyHashOf, reservationOf } from './idempotency.ts'
import { SpooledBody } from './spooled-body.ts'

/** The key that a form holds, wherever its body waits. */
export function keyOf(
  contentType: string | undefined,
  body: ArrivedBody,
): string | undefined | Promise<string | undefined> {
  return body instanceof SpooledBody
    ? spooledFormKey(contentType, body)
    : formIdempotencyKey(contentType, body)
}

/** What a request reserves under its key. */
export function reservationFor(key: string, { req, target }: Exchange, body: ArrivedBody): Reservation {
  const { pathname, search } = new URL(target!.url)
  return reservationOf(key, {
    method: req.method!,
    target: pathname + search,
    contentType: req.headers['content-type'],
    bodyHash: body instanceof SpooledBody ? body.hash! : bodyHashOf(body),
  })
}
