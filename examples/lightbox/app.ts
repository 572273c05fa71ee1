import { t } from './domain/index.ts'
import { Problem } from './domain/problems.ts'
import { routes } from './routes/index.ts'
import { problemResponse } from './routes/problem.ts'
import { seedCommunity } from './seed/community.ts'

/** The largest body: a post of 2000 characters takes 24 KB when each is written as an escape. */
const BODY_BYTES_MAX = 64 * 1024

export default t.app({
  name: 'lightbox',
  migrations: new URL('./migrations/', import.meta.url),
  assets: new URL('./public/', import.meta.url),
  fetch: (system) =>
    routes(system, () => problemResponse(new Problem('not-found', 404, 'There is nothing at this address.'))),
  seed: seedCommunity,
  bodyBytesMax: BODY_BYTES_MAX,
})
