import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Person } from '../../domain/profiles.ts'
import { type PageContent, page } from '../document.ts'
import type { Visit } from '../visit.ts'
import { logInPage, signUpPage } from './account.ts'
import { failurePage } from './failure.ts'
import { homePage } from './home.ts'
import { profilePage } from './profile.ts'
import { settingsPage } from './settings.ts'

const EVIL = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`
const person: Person = {
  id: '12',
  handle: EVIL,
  firstName: EVIL,
  lastName: EVIL,
  address: { streetAddress: EVIL, city: EVIL, state: EVIL, postalCode: EVIL },
  phoneNumbers: [EVIL],
  counts: { posts: 1, followers: 2, following: 3 },
}
const visit: Visit = {
  me: person,
  locale: 'en-US',
  theme: null,
  nowMs: Date.UTC(2026, 0, 2),
  here: `/${EVIL}`,
  notice: null,
  formKey: EVIL,
  asset: (path) => `/assets/${path}`,
}
const guest: Visit = { ...visit, me: null }
const posts = {
  posts: [
    {
      id: EVIL,
      authorId: '12',
      text: EVIL,
      photo: null,
      likes: 1,
      createdAt: '2026-01-01T00:00:00.000Z',
      author: person,
      liked: true,
    },
  ],
  next: EVIL,
}
const errors = { handle: EVIL, firstName: EVIL, 'phone-0': EVIL, '': EVIL }
const values = { handle: EVIL, firstName: EVIL, lastName: EVIL, password: 'hunter2hunter2' }
const view = { person, following: false, followedBy: true, posts, isFirst: false }
const others = { ...person, id: '13' }
const draft = { firstName: EVIL, lastName: EVIL, ...person.address!, phoneNumbers: [EVIL] }

const all: Readonly<Record<string, readonly [Visit, PageContent]>> = {
  home: [guest, homePage(guest, { posts, people: [{ person, following: false }], isFirst: true })],
  composer: [
    visit,
    homePage(visit, {
      posts,
      people: [{ person: others, following: true }],
      isFirst: true,
      draft: { text: EVIL, error: EVIL },
    }),
  ],
  profile: [visit, profilePage(visit, { ...view, person: others })],
  own: [visit, profilePage(visit, view)],
  signUp: [guest, signUpPage(guest, { values, errors, next: EVIL })],
  logIn: [guest, logInPage(guest, { values, errors, next: EVIL })],
  settings: [visit, settingsPage(visit, { draft, errors })],
  failure: [visit, failurePage(visit, { status: 500, detail: EVIL, requestId: EVIL })],
}

for (const [name, [who, content]] of Object.entries(all)) {
  test(`${name}: what people wrote is text, and the policy has nothing to forbid`, () => {
    const html = String(page(who, content))
    assert.ok(!html.includes('<script>') && !html.includes('<img src=x'), html)
    assert.ok(!/\s(style|on[a-z]+)=["'][^&]/.test(html), 'inline style or handler')
    assert.ok(!html.includes('hunter2'), 'a password came back')
    assert.equal(html.match(/<h1\b/g)?.length, 1, 'one main heading')
    assert.equal(html.match(/<main\b/g)?.length, 1)
    const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)
    assert.equal(new Set(ids).size, ids.length, 'ids are unique')
  })
}

test('a page of twenty long posts stays small', () => {
  const text = 'The light on the stairs, again. '.repeat(20)
  const many = Array.from({ length: 20 }, (_, index) => ({
    ...posts.posts[0]!,
    id: `0195f0${index}0-0000-7000-8000-000000000000`,
    text,
    createdAt: '2026-01-01T00:00:00.000Z',
    author: { id: '1', handle: 'marie_antoinette', firstName: 'Marie-Antoinette', lastName: 'Featherstone' },
  }))
  const member = {
    ...visit,
    me: { ...person, firstName: 'Ada', lastName: 'Lovelace', handle: 'ada' },
    here: '/',
  }
  const html = String(
    page(member, homePage(member, { posts: { posts: many, next: 'x' }, people: [], isFirst: true })),
  )
  const bytes = Buffer.byteLength(html) - 20 * text.length
  assert.ok(bytes < 40 * 1024, `${bytes} bytes`)
})
