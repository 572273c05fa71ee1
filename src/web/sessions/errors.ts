import { TenfoldError } from '../../core/errors.ts'

/** The request has no session, but needs one. */
export class SessionRequired extends TenfoldError {
  readonly code = 'TENFOLD_SESSION_REQUIRED'
  override readonly status = 401
  constructor() {
    super('This needs a session, and the request has none.', 'Log in first.')
  }
}

/** What a session should hold is no JSON object, or too much. */
export class SessionDataInvalid extends TenfoldError {
  readonly code = 'TENFOLD_SESSION_DATA'
  constructor(cause: string) {
    super(
      `The data of a session ${cause}.`,
      'Keep a few small JSON values in a session, and the rest in a table.',
    )
  }
}
