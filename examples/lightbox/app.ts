import { feedJobs, photoJobs, t } from './domain/index.ts'
import { routes } from './routes/index.ts'
import { seedCommunity } from './seed/community.ts'
import { pages } from './web/index.ts'

/** The largest body: a post of 2000 characters takes 24 KB when each is written as an escape. */
const BODY_BYTES_MAX = 64 * 1024

export default t.app({
  name: 'lightbox',
  migrations: new URL('./migrations/', import.meta.url),
  assets: new URL('./public/', import.meta.url),
  fetch: (system) => routes(system, pages(system)),
  seed: seedCommunity,
  jobs: [...feedJobs, ...photoJobs],
  bodyBytesMax: BODY_BYTES_MAX,
})
