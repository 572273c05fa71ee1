import { TenfoldError } from '../../core/errors.ts'

const SHOWN = 5

/** `tenfold init` writes into empty folders only. */
export class FolderNotEmpty extends TenfoldError {
  readonly code = 'TENFOLD_FOLDER_NOT_EMPTY'
  constructor(folder: string, found: readonly string[]) {
    const more = found.length > SHOWN ? ', …' : ''
    super(
      `${folder} is not empty: it has ${found.slice(0, SHOWN).join(', ')}${more}.`,
      'Nothing was written. Name a new folder: `tenfold init my-app`.',
    )
  }
}
