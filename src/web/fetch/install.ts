import { FrontRequest } from './request.ts'
import { FastResponse } from './response.ts'

/**
 * Puts our `Request` and `Response` in front of the platform's: frameworks make answers with
 * `new Response(…)` and must not have to know us. Called when a server is made, never by an import; doing it
 * again changes nothing. Both are subclasses, so code that does not care cannot tell.
 */
export function installFetchClasses(): void {
  if ((globalThis.Response as unknown) !== FastResponse)
    Object.defineProperty(globalThis, 'Response', { value: FastResponse, writable: true, configurable: true })
  if (globalThis.Request !== FrontRequest)
    Object.defineProperty(globalThis, 'Request', { value: FrontRequest, writable: true, configurable: true })
}
