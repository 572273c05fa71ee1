import type { Lightbox, Person } from '../../domain/index.ts'
import { paths } from '../paths.ts'
import { seeOther } from '../respond.ts'
import type { Visit } from '../visit.ts'
import { visitOf, whoIs } from '../visitor.ts'

/** A request for a page, or a form of one. */
export interface Call {
  readonly system: Lightbox
  readonly request: Request
  readonly visit: Visit
  /** A part of the path, decoded. */
  param(name: string): string
  query(name: string): string | undefined
}

export interface MemberCall extends Call {
  readonly me: Person
}

export type Handler = (call: Call) => Response | Promise<Response>

export async function visitFor(system: Lightbox, request: Request): Promise<Visit> {
  return visitOf(system, request, await whoIs(system))
}

/** For members only: others are sent to log in, and come back afterwards. */
export function forMembers(handle: (call: MemberCall) => Response | Promise<Response>): Handler {
  return (call) => {
    const { me, here } = call.visit
    if (me) return handle({ ...call, me })
    // A form cannot be sent again after the log-in, so the way back leads to the start.
    return seeOther(call.request.method === 'GET' ? paths.logInFrom(here) : paths.logIn)
  }
}
