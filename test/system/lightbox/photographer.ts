import { createHash } from 'node:crypto'
import { picture } from '../../../examples/lightbox/darkroom/fixtures/images.ts'
import { type Answer, insist } from '../kit/insist.ts'
import type { Dice } from '../kit/seed.ts'

/** What somebody was told of a photo of theirs. */
export interface Told {
  readonly id: string
  /** Sharpening of the last edit that was acknowledged. */
  sharpen: number
  posted: boolean
}

/** As much of a photo as the API tells. */
export interface Seen {
  id: string
  status: string
  edits: { sharpen?: number }
  variants: { width: number; height: number; format: string; url: string }[]
}

/** A form as it is sent, with the same bytes each time: it gets another boundary whenever it is encoded. */
export async function imageForm(
  image: Uint8Array,
  fields: Readonly<Record<string, string>> = {},
): Promise<{ body: ArrayBuffer; type: string }> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('image', new Blob([new Uint8Array(image)]))
  const encoded = new Response(form)
  return { body: await encoded.arrayBuffer(), type: encoded.headers.get('content-type') ?? '' }
}

/** Someone who sends photos, edits and posts them, and insists. */
export class Photographer {
  readonly photos: Told[] = []
  readonly #url: string
  readonly #dice: Dice
  readonly #troubles: Map<string, number>
  #token = ''
  id = ''

  constructor(url: string, dice: Dice, troubles: Map<string, number>) {
    this.#url = url
    this.#dice = dice
    this.#troubles = troubles
  }

  async signUp(handle: string): Promise<void> {
    const body = { handle, firstName: 'Kit', lastName: 'Person', password: 'a long enough password' }
    const { id, token } = JSON.parse((await this.#json('POST', '/api/accounts', body, 201)).body)
    this.id = id
    this.#token = token
  }

  /** Sends a photo, or edits or posts one that was sent. */
  async act(): Promise<void> {
    const roll = this.#dice.below(10)
    const photo = this.photos.length > 0 ? this.#dice.pick(this.photos) : undefined
    if (!photo || roll < 5) {
      const [width, height] = [400 + this.#dice.below(500), 300 + this.#dice.below(300)]
      await this.upload(await picture(width, height).jpeg().toBuffer())
      return
    }
    if (roll < 8) {
      const sharpen = (1 + this.#dice.below(9)) / 10
      await this.#json('PUT', `/api/photos/${photo.id}/edits`, { sharpen }, 202)
      photo.sharpen = sharpen
    } else {
      await this.#json('POST', '/api/posts', { text: 'Look', photoId: photo.id }, 201)
      photo.posted = true
    }
  }

  /** Sends a photo. @returns its id, and how to send the very same again, which must be answered the same */
  async upload(image: Uint8Array): Promise<{ id: string; again: () => Promise<void> }> {
    const content = await imageForm(image)
    const key = this.#dice.uuid()
    const send = () => this.#send('POST', '/api/photos', content, 202, key)
    const first = await send()
    const { id } = JSON.parse(first.body) as { id: string }
    this.photos.push({ id, sharpen: 0, posted: false })
    const again = async (): Promise<void> => {
      const { body: second } = await send()
      if (second !== first.body) throw new Error(`one key, two answers: ${first.body} ${second}`)
    }
    return { id, again }
  }

  async see(id: string): Promise<Seen> {
    return JSON.parse((await this.#json('GET', `/api/photos/${id}`, undefined, 200)).body) as Seen
  }

  /** Whether the bytes at this address are the ones that the address names. */
  async isWhole(url: string): Promise<boolean> {
    const answer = await this.#insist(async (signal) => {
      const response = await fetch(this.#url + url, { signal })
      if (!response.ok) return response
      const bytes = Buffer.from(await response.arrayBuffer())
      return new Response(createHash('sha256').update(bytes).digest('hex'), { status: response.status })
    })
    return answer?.status === 200 && url.startsWith(`/photos/${answer.body}/`)
  }

  #json(method: string, path: string, body: unknown, status: number): Promise<Answer> {
    const content = body === undefined ? undefined : { body: JSON.stringify(body), type: 'application/json' }
    return this.#send(method, path, content, status)
  }

  async #send(
    method: string,
    path: string,
    content: { body: string | ArrayBuffer; type: string } | undefined,
    status: number,
    key = this.#dice.uuid(),
  ): Promise<Answer> {
    const headers = {
      'idempotency-key': key,
      'accept-token': '1',
      ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }),
      ...(content && { 'content-type': content.type }),
    }
    const init = { method, headers, ...(content && { body: content.body }) }
    const answer = await this.#insist((signal) => fetch(this.#url + path, { ...init, signal }))
    if (answer?.status !== status) throw new Error(`${method} ${path}: ${answer?.status} ${answer?.body}`)
    return answer
  }

  #insist(send: (signal: AbortSignal) => Promise<Response>): Promise<Answer | undefined> {
    return insist(send, { dice: this.#dice, troubles: this.#troubles })
  }
}
