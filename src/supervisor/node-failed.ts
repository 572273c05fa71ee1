import type { Failure } from './start-request.ts'

/** A node's own word for why it cannot start. */
export class NodeFailed extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.text)
    this.failure = failure
  }
}
