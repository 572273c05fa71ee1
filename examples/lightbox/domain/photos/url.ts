import { FORMATS, type Format } from '../../darkroom/settings.ts'
import { isPostId } from '../ids.ts'
import type { StoredVariant } from './photo.ts'

const EXTENSIONS: Readonly<Record<Format, string>> = { avif: 'avif', webp: 'webp', jpeg: 'jpg' }
const NAME = /^([0-9a-f-]{36})-([0-9]{1,4})\.([a-z]{3,4})$/

/** Other bytes have another URL, so caches may keep it for ever. Nobody finds it who was not given it. */
export const variantUrl = (photoId: string, { blob, width, format }: StoredVariant): string =>
  `/photos/${blob}/${photoId}-${width}.${EXTENSIONS[format]}`

/** The last part of such a URL; null for anything else. */
export function parseName(name: string): { photoId: string; format: Format } | null {
  const [, photoId = '', , extension = ''] = NAME.exec(name) ?? []
  const format = FORMATS.find((known) => EXTENSIONS[known] === extension)
  return format && isPostId(photoId) ? { photoId, format } : null
}
