import { type NewPhoto, Problem } from '../domain/index.ts'
import { newPhotoSchema } from '../schemas/photo.ts'
import { check } from './body.ts'
import type { Upload } from './multipart.ts'

/** What the fields of an upload ask for. @throws Problem `invalid`, `no-image` */
export function newPhotoOf({ fields, image }: Upload): NewPhoto {
  const { edits, alt } = check(newPhotoSchema, {
    ...Object.fromEntries(fields),
    ...(fields.has('edits') && { edits: parsed(fields.get('edits') ?? '') }),
  })
  if (image === null) throw new Problem('no-image', 400, 'Send the image in the field `image`.')
  return { original: image, edits, alt }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    const problem = new Problem('invalid', 400, '/edits: must be JSON', {
      fields: [{ pointer: '/edits', detail: 'must be JSON' }],
    })
    problem.cause = cause
    throw problem
  }
}
