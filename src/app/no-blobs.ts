import { BlobOptionInvalid } from '../blobs/errors.ts'
import type { BlobKeeping } from './outbox.ts'
import type { Blobs } from './types.ts'

function refuse(): never {
  throw new BlobOptionInvalid(
    'This application runs without a folder for blobs.',
    'Pass blobFolder to the runtime; `tenfold start` and startTest have one by themselves.',
  )
}

/** What `system.blobs` is for an application that runs without a folder for them. */
export const noBlobs: Blobs & BlobKeeping = {
  put: async () => refuse(),
  stat: async () => refuse(),
  read: refuse,
  file: async () => refuse(),
  respond: async () => refuse(),
  attach: refuse,
  detach: refuse,
}
