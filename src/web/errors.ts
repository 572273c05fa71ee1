import { TenfoldError } from '../core/errors.ts'

/** The request's target, host or encoding cannot be understood. */
export class BadTarget extends TenfoldError {
  readonly code = 'TENFOLD_BAD_TARGET'
  override readonly status = 400
  constructor(cause: string, options?: ErrorOptions) {
    super(
      `The request cannot be understood: ${cause}.`,
      'Correct the URL or the headers of the request.',
      options,
    )
  }
}

/** A body that should be JSON is not, or is not UTF-8. */
export class BadJson extends TenfoldError {
  readonly code = 'TENFOLD_BAD_JSON'
  override readonly status = 400
  constructor(options?: ErrorOptions) {
    super('The body of the request is not valid JSON.', 'Send JSON in UTF-8.', options)
  }
}

/** A body that should be a form is none, or one with too many fields. */
export class BadForm extends TenfoldError {
  readonly code = 'TENFOLD_BAD_FORM'
  override readonly status = 400
  constructor(cause: string, options?: ErrorOptions) {
    super(
      `The body of the request is not a form that can be read: ${cause}.`,
      'Send application/x-www-form-urlencoded or multipart/form-data with at most 1,000 fields.',
      options,
    )
  }
}

/** A body larger than the app takes. */
export class BodyTooLarge extends TenfoldError {
  readonly code = 'TENFOLD_BODY_TOO_LARGE'
  override readonly status = 413
  constructor(bytesMax: number) {
    super(
      `The body of the request is larger than ${bytesMax} bytes.`,
      'Send less, or raise bodyBytesMax of the app.',
    )
  }
}

/** A body that arrives too slowly to be waited for. */
export class BodyTooSlow extends TenfoldError {
  readonly code = 'TENFOLD_BODY_TOO_SLOW'
  override readonly status = 408
  constructor() {
    super('The body of the request arrives too slowly.', 'Send it again over a better connection.')
  }
}

/** Too much of what is being uploaded waits on disk already. */
export class SpoolFull extends TenfoldError {
  readonly code = 'TENFOLD_SPOOL_FULL'
  override readonly status = 503
  override readonly retryAfterSeconds = 5
  constructor(bytesMax: number) {
    super(
      `The uploads that are being received take the ${bytesMax} bytes that they may; nothing of this request was applied.`,
      'Send it again in a moment.',
    )
  }
}

/** The app read a body after the request had ended. */
export class BodyReleased extends TenfoldError {
  readonly code = 'TENFOLD_BODY_RELEASED'
  constructor() {
    super(
      'The body of a request was read after the request had ended.',
      'Read it, or store it with blobs.put, before you answer.',
    )
  }
}

/** The client went away before its request was read or answered. Seen in logs only. */
export class ClientGone extends TenfoldError {
  readonly code = 'TENFOLD_CLIENT_GONE'
  override readonly status = 499
  constructor() {
    super('The client closed the connection.', 'Nothing: this request has nobody to answer any more.')
  }
}

/** The app did not answer in time. */
export class RequestDeadline extends TenfoldError {
  readonly code = 'TENFOLD_REQUEST_DEADLINE'
  override readonly status = 503
  override readonly retryAfterSeconds = 1
  constructor(ms: number) {
    super(
      `The request was not answered within ${ms} ms; a write in it may have been applied.`,
      'Send it again with the same Idempotency-Key: it is applied once.',
    )
  }
}

/** The server is stopping and ends what is left. */
export class ServerStopping extends TenfoldError {
  readonly code = 'TENFOLD_SERVER_STOPPING'
  override readonly status = 503
  override readonly retryAfterSeconds = 1
  constructor() {
    super(
      'The server is stopping; a write of this request may have been applied.',
      'Send it again with the same Idempotency-Key: it is applied once.',
    )
  }
}

/** A page of another site tried to change something with this site's cookies. */
export class CrossSiteRefused extends TenfoldError {
  readonly code = 'TENFOLD_CROSS_SITE'
  override readonly status = 403
  constructor(from: string) {
    super(
      `A request that changes something came from another site (${from}).`,
      'Use this site itself, a bearer token, or list the origin in trustedOrigins.',
    )
  }
}

/** An `Idempotency-Key` header that is not a key. */
export class BadIdempotencyKey extends TenfoldError {
  readonly code = 'TENFOLD_IDEMPOTENCY_KEY'
  override readonly status = 400
  constructor() {
    super(
      'The Idempotency-Key is not 1 to 255 visible ASCII characters.',
      'Send one random value per request, e.g. a UUID, and the same one when you retry it.',
    )
  }
}

/** The same `Idempotency-Key` came before with another request. */
export class IdempotencyKeyReused extends TenfoldError {
  readonly code = 'TENFOLD_IDEMPOTENCY_KEY_REUSED'
  override readonly status = 422
  constructor() {
    super(
      'This Idempotency-Key was used with another request.',
      'Draw a new key for a new request; send a retry with the very same method, URL and body.',
    )
  }
}

/** An error that nobody foresaw: the answer tells nothing of it, the log everything. */
export class UnexpectedError extends TenfoldError {
  readonly code = 'TENFOLD_UNEXPECTED'
  override readonly status = 500
  constructor(cause?: unknown) {
    super('Something went wrong on our side.', 'Try again; if it stays, report the request id.', { cause })
  }
}

/** Something that belongs to a request was used where there is none. */
export class OutsideRequest extends TenfoldError {
  readonly code = 'TENFOLD_OUTSIDE_REQUEST'
  constructor(what: string) {
    super(
      `${what} was used outside of a request.`,
      'Use it in the handler, or pass on what you need from there.',
    )
  }
}

/** Another process listens on the address. */
export class AddressTaken extends TenfoldError {
  readonly code = 'TENFOLD_ADDRESS_TAKEN'
  constructor(address: string, flag: string, options?: ErrorOptions) {
    super(
      `${address} is taken by another process.`,
      `Stop that process, or choose another with ${flag} (--port 0 takes a free one).`,
      options,
    )
  }
}

/** This user may not listen on the address, or this machine does not have it. */
export class AddressRefused extends TenfoldError {
  readonly code = 'TENFOLD_ADDRESS_REFUSED'
  constructor(address: string, cause: string, flag: string, options?: ErrorOptions) {
    super(
      `Cannot listen on ${address}: ${cause}.`,
      `Choose another with ${flag}; ports below 1024 need a privilege.`,
      options,
    )
  }
}

/** The certificate or its key cannot be used. */
export class TlsInvalid extends TenfoldError {
  readonly code = 'TENFOLD_TLS_INVALID'
  constructor(cause: string, options?: ErrorOptions) {
    super(
      `The TLS certificate or key cannot be used: ${cause}.`,
      'Give PEM files that belong together: the certificate with its chain, and its private key.',
      options,
    )
  }
}

/** An option of the web tier makes no sense. */
export class WebOptionInvalid extends TenfoldError {
  readonly code = 'TENFOLD_WEB_OPTION'
}
