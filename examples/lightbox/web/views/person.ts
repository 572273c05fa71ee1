import { html } from 'hono/html'
import type { Person } from '../../domain/profiles.ts'
import { attributes, type Html } from '../html.ts'
import { count } from '../locale.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'

type Named = Pick<Person, 'id' | 'handle' | 'firstName' | 'lastName'>

const TONES = 8n

export function fullName(person: Named): string {
  return `${person.firstName} ${person.lastName}`.trim()
}

/** A monogram in a colour of its own, until there are photos. A decoration: the name stands beside it. */
export function face(person: Named, size: 'small' | 'large' = 'small'): Html {
  const initials = [person.firstName, person.lastName].map((name) => [...name.trim()][0] ?? '').join('')
  const tone = /^\d+$/.test(person.id) ? BigInt(person.id) % TONES : 0n
  const classes = `face tone-${tone}${size === 'large' ? ' large' : ''}`
  return html`<span class="${classes}" aria-hidden="true">${initials.toUpperCase()}</span>`
}

export interface FollowView {
  readonly person: Named
  readonly following: boolean
}

/** The button that follows or unfollows; a way in for someone who is not logged in; nothing on one's own page. */
export function followButton(visit: Visit, { person, following }: FollowView): Html | string {
  if (visit.me?.id === person.id) return ''
  if (!visit.me) {
    return html`<a class="button small" href="${paths.logInFrom(visit.here)}">Follow<span class="vh"> ${fullName(person)}</span></a>`
  }
  const form = attributes({
    'data-part': `follow-${person.id}`,
    'data-in-place': true,
    action: paths.follow(person.id, !following),
  })
  return html`<form method="post"${form}>
<input type="hidden" name="back" value="${visit.here}">
<button class="button small${following ? ' quiet' : ''}">${following ? 'Unfollow' : 'Follow'}<span class="vh"> ${fullName(person)}</span></button>
</form>`
}

/** A number of followers that changes with the follow button of the same person. */
export function followerCount(visit: Visit, id: string, followers: number): Html {
  return html`<div data-part="followers-${id}"><dt>${followers === 1 ? 'follower' : 'followers'}</dt><dd>${count(visit.locale, followers)}</dd></div>`
}

/** People one may not know yet. */
export function peopleList(visit: Visit, people: readonly FollowView[]): Html {
  return html`<ul class="people">${people.map(
    (view) => html`<li>${face(view.person)}
<a class="who" href="${paths.person(view.person.handle)}"><b>${fullName(view.person)}</b><span class="soft">@${view.person.handle}</span></a>
${followButton(visit, view)}</li>`,
  )}</ul>`
}
