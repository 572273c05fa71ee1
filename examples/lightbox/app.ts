import { feedJobs, photoJobs, t } from './domain/index.ts'
import { routes } from './routes/index.ts'
import { UPLOAD_BYTES_MAX } from './routes/multipart.ts'
import { seedCommunity } from './seed/community.ts'
import { pages } from './web/index.ts'

/** The largest body of everything but a photo: a post of 2000 characters takes 24 KB when each is written as an escape. */
const BODY_BYTES_MAX = 64 * 1024
/** Where photos are sent to, by programs and by the form on the pages. */
const UPLOADS: ReadonlyMap<string, number> = new Map([
  ['/api/photos', UPLOAD_BYTES_MAX],
  // What is a little too large is answered with a page.
  ['/posts', 2 * UPLOAD_BYTES_MAX],
])

export default t.app({
  name: 'lightbox',
  migrations: new URL('./migrations/', import.meta.url),
  assets: new URL('./public/', import.meta.url),
  fetch: (system) => routes(system, pages(system)),
  seed: seedCommunity,
  jobs: [...feedJobs, ...photoJobs],
  bodyBytesMax: (_method, path) => UPLOADS.get(path) ?? BODY_BYTES_MAX,
})
