import { AssetMissing } from '../web/assets/errors.ts'
import type { Assets } from './types.ts'

/** What `system.assets` is for an application without a folder of static files. */
export const noAssets: Assets = {
  url: (path) => {
    throw new AssetMissing(path, undefined)
  },
}
