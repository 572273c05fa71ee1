import {
  createPhoto,
  deletePhoto,
  editPhoto,
  getOwnPhoto,
  getPhoto,
  type Lightbox,
  type OwnPhoto,
  type Photo,
} from '../domain/index.ts'
import * as answers from '../schemas/answers.ts'
import { editsSchema, newPhotoSchema } from '../schemas/photo.ts'
import { photoEvents } from './events.ts'
import { readUpload } from './multipart.ts'
import { newPhotoOf } from './photo-fields.ts'
import { type Route, route } from './route.ts'

export const photoRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/api/photos',
    operation: 'createPhoto',
    summary: 'Send a photo: JPEG, PNG, WebP or AVIF, at most 20 MB and 50 megapixels',
    auth: true,
    upload: newPhotoSchema,
    status: 202,
    answer: answers.photoAccepted,
    handle: async ({ system, userId, request }) =>
      createPhoto(system, userId, newPhotoOf(await readUpload(system, request))),
  }),
  route({
    method: 'get',
    path: '/api/photos/{id}',
    operation: 'getPhoto',
    summary: 'A photo: an own one, or one that is in a post',
    id: 'photo',
    viewer: true,
    status: 200,
    answer: answers.photo,
    handle: ({ system, userId, id }) => seenBy(system, id, userId),
  }),
  route({
    method: 'delete',
    path: '/api/photos/{id}',
    operation: 'deletePhoto',
    summary: 'Delete an own photo that is in no post',
    id: 'photo',
    auth: true,
    status: 204,
    problems: [409],
    handle: ({ system, userId, id }) => deletePhoto(system, userId, id),
  }),
  route({
    method: 'put',
    path: '/api/photos/{id}/edits',
    operation: 'editPhoto',
    summary: 'Make an own photo anew, from what was sent',
    id: 'photo',
    auth: true,
    body: editsSchema,
    status: 202,
    answer: answers.photoAccepted,
    handle: ({ system, userId, id, body }) => editPhoto(system, userId, id, body),
  }),
  route({
    method: 'get',
    path: '/api/photos/{id}/events',
    operation: 'followPhoto',
    summary: 'What becomes of a photo: an event `status` at each change, until it is ready or has failed',
    id: 'photo',
    viewer: true,
    status: 200,
    events: true,
    handle: ({ system, userId, id, request }) => photoEvents(system, id, userId || null, request),
  }),
]

/** Edits are for the owner: what was cut away is nobody else's business. */
async function seenBy(system: Lightbox, id: string, userId: string): Promise<Photo | OwnPhoto> {
  const { mine, ...photo } = await getPhoto(system, id, userId || null)
  if (!mine) return photo
  const { proof: _, ...own } = await getOwnPhoto(system, id, userId)
  return own
}
