import { html } from 'hono/html'
import type { PostCard } from '../../domain/index.ts'
import { attributes, type Html, words } from '../html.ts'
import { icon } from '../icons.ts'
import { ago, count, fullTime } from '../locale.ts'
import { paths } from '../paths.ts'
import { isBrief, prose } from '../prose.ts'
import type { Visit } from '../visit.ts'
import { face, fullName } from './person.ts'
import { photoFigure } from './photo.ts'

/** A post in a list. */
export function postItem(visit: Visit, post: PostCard): Html {
  const classes = words('post', post.photo && 'pictured')
  return html`<li><article class="${classes}" id="p-${post.id}" aria-labelledby="by-${post.id}">
${face(post.author)}
${byline(visit, post, html`<h3 id="by-${post.id}">${authorLink(post)}</h3>`)}
${photoOf(visit, post)}
${text(post)}
<footer>${likeButton(visit, post)}</footer>
</article></li>`
}

/** A post on a page of its own. */
export function wholePost(visit: Visit, post: PostCard): Html {
  const classes = words('post', 'whole', post.photo && 'pictured')
  return html`<article class="${classes}" id="p-${post.id}" aria-labelledby="by-${post.id}">
${face(post.author)}
${byline(visit, post, html`<h1 id="by-${post.id}"><span class="vh">Post by </span>${authorLink(post)}</h1>`)}
${photoOf(visit, post, true)}
${text(post)}
<footer>${likeButton(visit, post)}<p class="soft">${fullTime(visit.locale, Date.parse(post.createdAt))}</p></footer>
</article>`
}

/** A list of posts, newest first. */
export function postList(visit: Visit, posts: readonly PostCard[]): Html {
  return html`<ol class="posts">${posts.map((post) => postItem(visit, post))}</ol>`
}

/** The way to older posts, and back to the newest. */
export function pager(path: string, next: string | null, isFirst: boolean): Html | string {
  if (isFirst && next === null) return ''
  return html`<nav class="pager" aria-label="Pages">
${isFirst ? '' : html`<a class="button quiet" href="${path}">Newest posts</a>`}
${next === null ? '' : html`<a class="button quiet" rel="next" href="${path}?before=${encodeURIComponent(next)}">Older posts</a>`}
</nav>`
}

/** The button that likes or unlikes, with the number of likes. */
export function likeButton(visit: Visit, post: Pick<PostCard, 'id' | 'liked' | 'likes' | 'author'>): Html {
  const inside = html`${icon('heart')}<span class="vh">Like this post by ${fullName(post.author)}, </span><span class="n">${count(visit.locale, post.likes)}</span><span class="vh"> ${post.likes === 1 ? 'like' : 'likes'}</span>`
  if (!visit.me)
    return html`<a class="plain like" href="${paths.logInFrom(paths.post(post.id))}">${inside}</a>`
  const form = attributes({
    'data-part': `like-${post.id}`,
    'data-in-place': true,
    action: paths.like(post.id, !post.liked),
  })
  return html`<form method="post"${form}>
<input type="hidden" name="back" value="${visit.here.split('#')[0]}#p-${post.id}">
<button class="plain like" aria-pressed="${String(post.liked)}">${inside}</button>
</form>`
}

function byline(visit: Visit, post: PostCard, heading: Html): Html {
  const created = Date.parse(post.createdAt)
  return html`<div class="byline">${heading}<span class="soft">@${post.author.handle}</span>
<a class="soft" href="${paths.post(post.id)}"><time datetime="${post.createdAt}" title="${fullTime(visit.locale, created)}">${ago(visit.locale, created, visit.nowMs)}</time></a></div>`
}

function authorLink(post: PostCard): Html {
  return html`<a href="${paths.person(post.author.handle)}">${fullName(post.author)}</a>`
}

function photoOf(visit: Visit, { photo, author }: PostCard, eager = false): Html | string {
  return photo ? photoFigure(visit, { photo, owner: author, eager }) : ''
}

function text(post: PostCard): Html | string {
  if (post.text === '') return ''
  const classes = words('words', isBrief(post.text) && !post.photo && 'brief')
  return html`<div class="${classes}" dir="auto">${prose(post.text)}</div>`
}
