import { html } from 'hono/html'
import type { PostCard } from '../../domain/index.ts'
import type { PageContent } from '../document.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { fullName } from './person.ts'
import { wholePost } from './post.ts'

const DESCRIPTION_CHARACTERS = 150

/** One post. */
export function postPage(visit: Visit, post: PostCard): PageContent {
  const name = fullName(post.author)
  return {
    title: `${name} on Lightbox`,
    ...(post.photo?.status === 'processing' && { refreshSeconds: 2 }),
    description: post.text.slice(0, DESCRIPTION_CHARACTERS) || `A photo by ${name}.`,
    body: html`<div class="reading">
${wholePost(visit, post)}
<nav class="pager" aria-label="More"><a class="button quiet" href="${paths.person(post.author.handle)}">More by ${name}</a></nav>
</div>`,
  }
}
