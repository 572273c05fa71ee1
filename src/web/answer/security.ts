/**
 * What a page may do unless the app sets a policy of its own: load and send only to this site, run no inline
 * script, be framed by nobody.
 */
export const DEFAULT_CONTENT_SECURITY_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data: blob:; object-src 'none'"
/** Two years, as the preload lists ask for; without subdomains, which are not ours to promise. */
export const STRICT_TRANSPORT_SECURITY = 'max-age=63072000'
export const REFERRER_POLICY = 'strict-origin-when-cross-origin'

/** Types that a browser treats as a document; a policy on anything else has no effect. */
export function isDocument(contentType: string): boolean {
  return (
    contentType.startsWith('text/html') || contentType.includes('xml') || contentType.startsWith('image/svg')
  )
}
