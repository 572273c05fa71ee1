import { TenfoldError } from '../core/errors.ts'

/** A blob that is not there. */
export class BlobMissing extends TenfoldError {
  readonly code = 'TENFOLD_BLOB_MISSING'
  override readonly status = 404
  constructor(id: string) {
    super(
      `There is no blob ${JSON.stringify(id.slice(0, 80))}.`,
      'Store its content again with blobs.put; what no transaction attaches within a day is deleted.',
    )
  }
}

/** Content that is larger than its caller allows. */
export class BlobTooLarge extends TenfoldError {
  readonly code = 'TENFOLD_BLOB_TOO_LARGE'
  override readonly status = 413
  constructor(bytesMax: number) {
    super(`The content is larger than ${bytesMax} bytes.`, 'Send less, or raise bytesMax of blobs.put.')
  }
}

/** What lies on the disk is not what was stored. */
export class BlobDamaged extends TenfoldError {
  readonly code = 'TENFOLD_BLOB_DAMAGED'
  constructor(id: string) {
    super(
      `The file of blob ${id} is damaged: its content has another hash.`,
      'Check the disk. Put the file back from a backup, or store the same content again.',
    )
  }
}

/** What was passed to blobs cannot be right. */
export class BlobOptionInvalid extends TenfoldError {
  readonly code = 'TENFOLD_BLOB_OPTION'
}
