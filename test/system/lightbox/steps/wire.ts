import { Socket } from 'node:net'
import type { Killer } from './killer.ts'

/** One batch of messages to PostgreSQL, as far as its steps need a name. */
interface Said {
  /** Texts of the statements in it, in their order. */
  readonly texts: readonly string[]
  /** The name of the write whose marker is claimed in it. */
  readonly write: string | undefined
}

/** A conversation that has begun on a session. */
interface Talk {
  name: string
  over: boolean
}

const SOCKET = '.s.PGSQL.'
const MARKER = 'insert into tenfold.markers'
/** An Idempotency-Key is reserved by a transaction without a marker. */
const RESERVATION = 'insert into tenfold.requests'
/** Its place among the parameters of that statement. */
const MARKER_NAME_AT = 3

/** Makes each round trip of the writes in the way of a photo, and of the claim of its job, three steps. */
export function watchWire(killer: Killer): void {
  const sessions = new WeakMap<Socket, { names: Map<string, string>; talk: Talk | undefined }>()
  const { connect, write } = Socket.prototype
  let [created, asked, claimed] = [false, false, false]
  const { onPlan } = killer
  killer.onPlan = () => {
    onPlan()
    created = asked = claimed = false
  }
  /** Also of a claim that was on its way before the job was there. */
  const watchClaim = (socket: Socket): void => {
    socket.prependOnceListener('data', (answer: Buffer) => {
      if (claimed || !answer.includes('renderPhoto')) return
      claimed = true
      killer.step('claim: all answered')
    })
  }

  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    if (String(args[0]).includes(SOCKET)) sessions.set(this, { names: new Map(), talk: undefined })
    return (connect as (...all: unknown[]) => Socket).apply(this, args)
  } as never

  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    const send = (): boolean => (write as (...all: unknown[]) => boolean).apply(this, args)
    const session = sessions.get(this)
    if (!session || !Buffer.isBuffer(args[0])) return send()
    const { texts, write: begun } = read(args[0], session.names)
    if (!killer.armed) {
      session.talk = undefined
      return send()
    }
    const claims = texts.some((text) => text.includes('tenfold.claim_jobs'))
    if (claims) watchClaim(this)
    const isClaim = claims && created && !(claimed && asked)
    if (begun !== undefined) session.talk = { name: begun, over: false }
    if (isClaim) session.talk = { name: 'claim', over: false }
    const { talk } = session
    if (!talk) return send()
    talk.over = texts.includes('commit') || texts.includes('rollback')
    if (talk.over) session.talk = undefined
    created ||= talk.name === 'create photo' && talk.over
    const isWhole = isClaim || (begun !== undefined && talk.over)
    const name = `${talk.name}: ${isWhole ? 'all' : begun !== undefined ? 'begin' : talk.over ? 'commit' : 'statement'}`
    if (isClaim) asked = true
    else this.prependOnceListener('data', () => killer.step(`${name} answered`))
    killer.step(`${name} unsent`)
    const result = send()
    killer.step(`${name} sent`)
    return result
  } as never
}

/** Takes the texts out of Parse and Bind. `names` knows what was prepared on this session. */
function read(bytes: Buffer, names: Map<string, string>): Said {
  const texts: string[] = []
  let write: string | undefined
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const type = String.fromCharCode(bytes[at] as number)
    if (type !== 'P' && type !== 'B') continue
    const first = text(bytes, at + 5)
    const second = text(bytes, first.end)
    if (type === 'P') names.set(first.text, second.text)
    else {
      const sql = names.get(second.text) ?? ''
      texts.push(sql)
      if (sql.startsWith(MARKER)) write = parameter(bytes, second.end, MARKER_NAME_AT)
      else if (sql.startsWith(RESERVATION)) write = 'reserve'
    }
  }
  return { texts, write }
}

function text(bytes: Buffer, from: number): { readonly text: string; readonly end: number } {
  const zero = bytes.indexOf(0, from)
  return { text: bytes.toString('utf8', from, zero), end: zero + 1 }
}

/** The parameter at a place of a Bind, whose formats begin at `from`. */
function parameter(bytes: Buffer, from: number, place: number): string {
  let at = from + 2 + 2 * bytes.readInt16BE(from) + 2
  for (let skip = 0; skip < place; skip++) at += 4 + Math.max(0, bytes.readInt32BE(at))
  return bytes.toString('utf8', at + 4, at + 4 + bytes.readInt32BE(at))
}
