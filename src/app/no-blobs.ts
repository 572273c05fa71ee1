import { BlobOptionInvalid } from '../blobs/errors.ts'
import type { LocalBlobs } from '../blobs/types.ts'

const refuse = (): never => {
  throw new BlobOptionInvalid(
    'This runtime has no folder for blobs.',
    'Give it one with the option blobFolder; tenfold start does so by itself.',
  )
}

/** For a runtime without a folder for blobs. */
export const noBlobs: LocalBlobs = {
  start: async () => {},
  stop: async () => {},
  put: async () => refuse(),
  stat: async () => refuse(),
  read: refuse,
  file: async () => refuse(),
  respond: async () => refuse(),
  attach: refuse,
  detach: refuse,
  verify: async () => refuse(),
  sweep: async () => {},
}
