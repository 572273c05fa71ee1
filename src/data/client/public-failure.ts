import { sqlStateOf } from '../connection/failure.ts'
import { DatabaseFull, OutsideBucket } from '../errors.ts'

/** What a caller gets to see of a statement's failure: a case of ours where there is something to say, else PostgreSQL's own error. */
export function publicFailure(error: Error): Error {
  switch (sqlStateOf(error)) {
    case 'TF002': // raised by tenfold.refuse()
      return new OutsideBucket(error)
    case '53100': // disk_full
    case '58030': // io_error, as which a full disk may show when files are extended
      return new DatabaseFull(error)
    default:
      return error
  }
}
