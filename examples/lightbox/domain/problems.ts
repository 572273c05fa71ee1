/** What went wrong for the person who asked, in the words of RFC 9457. Anything else thrown is a fault of ours. */
export class Problem extends Error {
  /** The last part of the problem's `type`; stable. */
  readonly slug: string
  readonly status: number
  /** For each field what is wrong with it. */
  readonly fields: readonly FieldProblem[]
  readonly headers: Readonly<Record<string, string>>

  constructor(slug: string, status: number, detail: string, more: ProblemDetails = {}) {
    super(detail)
    this.name = 'Problem'
    this.slug = slug
    this.status = status
    this.fields = more.fields ?? []
    this.headers = more.headers ?? {}
  }
}

export interface FieldProblem {
  /** A JSON Pointer into the body, e.g. `/address/city`. */
  readonly pointer: string
  readonly detail: string
}

interface ProblemDetails {
  readonly fields?: readonly FieldProblem[]
  readonly headers?: Readonly<Record<string, string>>
}

export const notFound = (what: string): Problem => new Problem('not-found', 404, `There is no such ${what}.`)

export const handleTaken = (handle: string): Problem =>
  new Problem('handle-taken', 409, `The handle ${handle} is taken.`)

export const wrongCredentials = (): Problem =>
  new Problem('wrong-credentials', 401, 'The handle or the password is wrong.')

export const logInRequired = (): Problem =>
  new Problem('log-in-required', 401, 'Log in first.', { headers: { 'www-authenticate': 'Bearer' } })

export const selfFollow = (): Problem => new Problem('self-follow', 422, 'You cannot follow yourself.')

export const tooBusy = (): Problem =>
  new Problem('too-busy', 503, 'Too many people are signing in at once. Nothing was changed; try again.', {
    headers: { 'retry-after': '1' },
  })

export const badCursor = (): Problem =>
  new Problem('bad-cursor', 400, '`before` is not a cursor that this list gave out.')
