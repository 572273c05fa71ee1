import { html } from 'hono/html'
import type { PageOf, PostCard } from '../../domain/index.ts'
import type { Person } from '../../domain/profiles.ts'
import type { PageContent } from '../document.ts'
import type { Html } from '../html.ts'
import { icon } from '../icons.ts'
import { count } from '../locale.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { face, followButton, followerCount, fullName } from './person.ts'
import { pager, postList } from './post.ts'

export interface ProfileView {
  readonly person: Person
  readonly following: boolean
  readonly followedBy: boolean
  readonly posts: PageOf<PostCard>
  readonly isFirst: boolean
}

/** A person and their posts. */
export function profilePage(visit: Visit, view: ProfileView): PageContent {
  const { person, posts, isFirst } = view
  const name = fullName(person)
  return {
    title: `${name} (@${person.handle})`,
    description: `Posts of ${name} on Lightbox.`,
    body: html`<div class="reading">
${about(visit, view)}
<section aria-labelledby="posts">
<div class="head"><h2 id="posts">${isFirst ? 'Posts' : 'Older posts'}</h2></div>
${posts.posts.length > 0 ? postList(visit, posts.posts) : nothing(visit, view)}
${pager(paths.person(person.handle), posts.next, isFirst)}
</section>
</div>`,
  }
}

function about(visit: Visit, view: ProfileView): Html {
  const { person } = view
  const mine = visit.me?.id === person.id
  // The API tells street and numbers too; a page that anyone comes across need not spread them.
  const place = [person.address?.city, person.address?.state].filter(Boolean).join(', ')
  return html`<header class="profile">
${face(person, 'large')}
<div><h1>${fullName(person)}</h1>
<p class="soft">@${person.handle}${place ? ` · ${place}` : ''}${view.followedBy ? ' · follows you' : ''}</p></div>
<div class="row"><dl class="counts">
<div><dt>${person.counts.posts === 1 ? 'post' : 'posts'}</dt><dd>${count(visit.locale, person.counts.posts)}</dd></div>
${followerCount(visit, person.id, person.counts.followers)}
<div><dt>following</dt><dd>${count(visit.locale, person.counts.following)}</dd></div>
</dl>
${mine ? html`<a class="button small quiet" href="${paths.settings}">Edit profile</a>` : followButton(visit, view)}
</div>
</header>`
}

function nothing(visit: Visit, { person, isFirst }: ProfileView): Html {
  const mine = visit.me?.id === person.id
  if (!isFirst) return html`<p class="empty">${icon('frame')}There are no older posts.</p>`
  if (!mine) return html`<p class="empty">${icon('frame')}${person.firstName} has not posted yet.</p>`
  return html`<p class="empty">${icon('frame')}You have not posted yet.<br><a href="/#write">Write your first post</a></p>`
}
