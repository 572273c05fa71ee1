import { html } from 'hono/html'
import type { PageOf, PostCard } from '../../domain/index.ts'
import type { PageContent } from '../document.ts'
import type { Html } from '../html.ts'
import { icon } from '../icons.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { type ComposerState, composer } from './composer.ts'
import { type FollowView, peopleList } from './person.ts'
import { pager, postList } from './post.ts'

export interface HomeView {
  readonly posts: PageOf<PostCard>
  readonly people: readonly FollowView[]
  /** Whether these are the newest posts. */
  readonly isFirst: boolean
  /** Posts of everyone, while the own feed is empty. */
  readonly others?: PageOf<PostCard>
  readonly draft?: ComposerState
}

/** What Lightbox is, for those who are not logged in; the feed, for those who are. */
export function homePage(visit: Visit, view: HomeView): PageContent {
  const intro = !view.isFirst ? '' : visit.me ? composer(visit, view.draft) : hero(visit)
  const title = visit.me ? 'Home' : 'A quiet place to share what you see'
  const wrong = view.draft?.error ? 'Error: ' : ''
  return {
    title: wrong + (view.isFirst ? title : 'Older posts'),
    body: html`${visit.me ? '' : intro}
<div class="columns">
<div>
${visit.me || !view.isFirst ? html`<h1 class="vh">Lightbox</h1>` : ''}
${visit.me ? intro : ''}
${visit.me ? feed(visit, view) : recent(visit, view.posts, view.isFirst, paths.home)}
</div>
${people(visit, view.people)}
</div>`,
  }
}

/** What everyone posts. */
export function newPage(visit: Visit, { posts, people: shown, isFirst }: HomeView): PageContent {
  return {
    title: isFirst ? 'New' : 'Older posts',
    body: html`<div class="columns">
<div>
<h1 class="vh">Lightbox</h1>
${recent(visit, posts, isFirst, paths.new)}
</div>
${people(visit, shown)}
</div>`,
  }
}

function hero(visit: Visit): Html {
  return html`<section class="hero">
<div>
<p class="kicker">For people who look twice</p>
<h1>Take a closer look.</h1>
<p class="lead">Lightbox is a quiet place to share what you see. Post a photo and a few lines, follow the people whose eye you trust, and leave a heart where something stays with you.</p>
<p class="actions"><a class="button" href="${paths.signUp}">Sign up</a> <a class="button quiet" href="${paths.logIn}">Log in</a></p>
</div>
<img src="${visit.asset('contact-sheet.svg')}" width="640" height="480" alt="">
</section>`
}

function feed(visit: Visit, { posts, isFirst, others }: HomeView): Html {
  const heading = isFirst ? 'Your feed' : 'Older posts'
  return html`<section aria-labelledby="feed">
<div class="head"><h2 id="feed">${heading}</h2><a class="soft" href="${paths.new}">New from everyone</a></div>
${isFirst ? html`<p class="news" aria-live="polite" data-newest="${posts.posts[0]?.id ?? ''}"></p>` : ''}
${posts.posts.length > 0 ? postList(visit, posts.posts) : emptyFeed(isFirst)}
${pager(paths.home, posts.next, isFirst)}
</section>
${others ? recent(visit, others, true, paths.new) : ''}`
}

function emptyFeed(isFirst: boolean): Html {
  if (!isFirst) return html`<p class="empty">${icon('frame')}There are no older posts.</p>`
  return html`<p class="empty">${icon('frame')}Nothing here yet. Follow people whose eye you trust: what they post comes here.<br><a href="#people">People to follow</a></p>`
}

function recent(visit: Visit, posts: PageOf<PostCard>, isFirst: boolean, path: string): Html {
  const heading = isFirst ? 'New on Lightbox' : 'Older posts'
  return html`<section aria-labelledby="recent">
<div class="head"><h2 id="recent">${heading}</h2></div>
${posts.posts.length > 0 ? postList(visit, posts.posts) : nothing(visit)}
${pager(path, posts.next, isFirst)}
</section>`
}

function nothing(visit: Visit): Html {
  const text = visit.me ? 'Nothing here yet. Yours could be the first post.' : 'Nothing here yet.'
  return html`<p class="empty">${icon('frame')}${text}</p>`
}

function people(visit: Visit, views: readonly FollowView[]): Html | string {
  if (views.length === 0) return ''
  return html`<aside class="side" aria-labelledby="people">
<div class="head"><h2 id="people">${visit.me ? 'People to follow' : 'People here'}</h2></div>
${peopleList(visit, views)}
</aside>`
}
