import type { Outcome } from '../kit/history.ts'
import { insist } from '../kit/insist.ts'
import type { Dice } from '../kit/seed.ts'

/** What all people of one run did, as far as they were told. */
export interface Diary {
  /** Texts of posts. */
  readonly posts: { name: string; outcome: Outcome }[]
  /** Ids of posts that anyone may like. */
  readonly known: string[]
  /** `liker post` → whether it ends liked; undefined when the last word was not answered. */
  readonly likes: Map<string, boolean | undefined>
  /** `follower followee` → whether it ends followed. */
  readonly follows: Map<string, boolean | undefined>
  /** Handle → ids of those who were told that it is theirs. */
  readonly handles: Map<string, string[]>
  /** Ids of people. */
  readonly people: string[]
  /** Reader → whom they follow from the first day to the last. */
  readonly faithful: Map<string, string>
  readonly troubles: Map<string, number>
}

export const newDiary = (): Diary => ({
  posts: [],
  known: [],
  likes: new Map(),
  follows: new Map(),
  handles: new Map(),
  people: [],
  faithful: new Map(),
  troubles: new Map(),
})

export interface FeedPost {
  readonly id: string
  readonly authorId: string
  readonly text: string
}

/** Someone who uses Lightbox through its API, and insists. */
export class Person {
  readonly #url: string
  readonly #dice: Dice
  readonly #diary: Diary
  #token = ''
  #posted = 0
  id = ''

  constructor(url: string, dice: Dice, diary: Diary) {
    this.#url = url
    this.#dice = dice
    this.#diary = diary
  }

  /** Whether the handle became theirs. */
  async signUp(handle: string): Promise<boolean> {
    const { people, handles } = this.#diary
    const body = { handle, firstName: 'Kit', lastName: 'Person', password: 'a long enough password' }
    const answer = await this.#send('POST', '/api/accounts', body)
    if (answer?.status === 409) return false
    if (answer?.status !== 201) throw new Error(`sign-up of ${handle}: ${answer?.status} ${answer?.body}`)
    const { id, token } = JSON.parse(answer.body) as { id: string; token: string }
    this.id = id
    this.#token = token
    people.push(id)
    handles.set(handle, [...(handles.get(handle) ?? []), id])
    return true
  }

  /** Follows somebody, and never changes their mind. */
  async beFaithfulTo(other: string): Promise<void> {
    await this.#follow(other, true)
    this.#diary.faithful.set(this.id, other)
  }

  /** The own feed, page by page, as long as it is. */
  async feed(): Promise<FeedPost[]> {
    const posts: FeedPost[] = []
    for (let query = ''; ; ) {
      const answer = await this.#send('GET', `/api/feed${query}`)
      if (answer?.status !== 200) throw new Error(`the feed: ${answer?.status} ${answer?.body}`)
      const page = JSON.parse(answer.body) as { posts: FeedPost[]; next: string | null }
      posts.push(...page.posts)
      if (page.next === null) return posts
      query = `?before=${page.next}`
    }
  }

  /** Something at random. */
  async act(): Promise<void> {
    const roll = this.#dice.below(100)
    if (roll < 40 || this.#diary.known.length === 0) return this.#post()
    if (roll < 75) return this.#like(this.#dice.pick(this.#diary.known), this.#dice.chance(0.7))
    const other = this.#dice.pick(this.#diary.people)
    if (other !== this.id && other !== this.#diary.faithful.get(this.id))
      await this.#follow(other, this.#dice.chance(0.7))
  }

  async #post(): Promise<void> {
    this.#posted += 1
    const entry = { name: `${this.id} says ${this.#posted}`, outcome: 'unknown' as Outcome }
    this.#diary.posts.push(entry)
    const answer = await this.#send('POST', '/api/posts', { text: entry.name })
    if (answer) entry.outcome = answer.status === 201 ? 'ok' : 'fail'
    if (answer?.status === 201) this.#diary.known.push((JSON.parse(answer.body) as { id: string }).id)
  }

  #like(post: string, on: boolean): Promise<void> {
    return this.#switch(`/api/posts/${post}/like`, on, this.#diary.likes, `${this.id} ${post}`)
  }

  #follow(other: string, on: boolean): Promise<void> {
    return this.#switch(`/api/follows/${other}`, on, this.#diary.follows, `${this.id} ${other}`)
  }

  async #switch(
    path: string,
    on: boolean,
    states: Map<string, boolean | undefined>,
    key: string,
  ): Promise<void> {
    states.set(key, undefined)
    const answer = await this.#send(on ? 'PUT' : 'DELETE', path)
    if (!answer) return
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`)
    states.set(key, on)
  }

  #send(method: string, path: string, body?: unknown): ReturnType<typeof insist> {
    const headers = {
      'idempotency-key': this.#dice.uuid(),
      'accept-token': '1',
      ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    return insist((signal) => fetch(`${this.#url}${path}`, { ...init, signal }), {
      dice: this.#dice,
      troubles: this.#diary.troubles,
    })
  }
}
