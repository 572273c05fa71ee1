import { join } from 'node:path'
import { BlobMissing } from './errors.ts'

const ID = /^[0-9a-f]{64}$/

/** Whether `id` can name a blob. Nothing else ever becomes a part of a path. */
export function isBlobId(id: string): boolean {
  return typeof id === 'string' && ID.test(id)
}

/** Where things lie in a folder of blobs. */
export class Places {
  readonly root: string
  /** What is being written. */
  readonly incoming: string
  /** What is being deleted. */
  readonly trash: string

  constructor(root: string) {
    this.root = root
    this.incoming = join(root, 'incoming')
    this.trash = join(root, 'trash')
  }

  /** `ab/cd/abcd…`: at most 256 folders each, so that no folder gets long. */
  file(id: string): string {
    return join(this.folder(id), id)
  }

  folder(id: string): string {
    if (!isBlobId(id)) throw new BlobMissing(String(id))
    return join(this.root, id.slice(0, 2), id.slice(2, 4))
  }
}
