import type { Lightbox } from '../domain/index.ts'
import { headersOf } from './pages/attempt.ts'
import { show } from './respond.ts'
import { troubleOf } from './trouble.ts'
import { failurePage } from './views/failure.ts'
import type { Visit } from './visit.ts'
import { visitOf, whoIs } from './visitor.ts'

/** The page for an error. What nobody foresaw goes to the log, and the page tells nothing of it. */
export async function failure(system: Lightbox, request: Request, error: unknown): Promise<Response> {
  const trouble = troubleOf(error) ?? { status: 500 }
  if (trouble.status === 500) system.log.error({ error }, 'a page failed')
  const visit = await visitAnyway(system, request, trouble.status)
  const sent = request.method === 'POST'
  const content = failurePage(visit, { ...trouble, sent, requestId: system.request.id })
  return show(visit, content, { status: trouble.status, headers: headersOf(trouble) })
}

/** When the database is what fails, the page must do without asking it who is there. */
async function visitAnyway(system: Lightbox, request: Request, status: number): Promise<Visit> {
  if (status >= 500) return visitOf(system, request, null)
  try {
    return visitOf(system, request, await whoIs(system))
  } catch {
    return visitOf(system, request, null)
  }
}
