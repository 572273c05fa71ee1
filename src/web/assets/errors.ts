import { TenfoldError } from '../../core/errors.ts'

/** The app asks for the URL of a file that is not in its folder. */
export class AssetMissing extends TenfoldError {
  readonly code = 'TENFOLD_ASSET_MISSING'
  constructor(path: string, nearest: string | undefined) {
    super(
      `There is no asset "${path}".`,
      nearest === undefined
        ? 'Put the file into the folder of assets, or correct the path; it is relative to that folder.'
        : `Did you mean "${nearest}"?`,
    )
  }
}

/** The folder of assets cannot be read. */
export class AssetsUnreadable extends TenfoldError {
  readonly code = 'TENFOLD_ASSETS_UNREADABLE'
  constructor(folder: string, cause: string, options?: ErrorOptions) {
    super(
      `The folder of assets ${folder} cannot be read: ${cause}.`,
      'Correct `assets` of the app, or the rights.',
      options,
    )
  }
}

/** No file under this URL. */
export class AssetNotFound extends TenfoldError {
  readonly code = 'TENFOLD_ASSET_NOT_FOUND'
  override readonly status = 404
  constructor() {
    super('There is no such file.', 'Check the address.')
  }
}
