import type { Person } from '../domain/profiles.ts'
import type { Locale } from './locale.ts'
import type { Notice } from './notices.ts'
import type { Theme } from './theme.ts'

/** What every page knows about who looks at it. */
export interface Visit {
  /** Who is logged in. */
  readonly me: Person | null
  readonly locale: Locale
  /** What the person chose; null follows the device. */
  readonly theme: Theme | null
  readonly nowMs: number
  /** Path and query of this page, to come back to. */
  readonly here: string
  /** What the request before this one did, told once. */
  readonly notice: Notice | null
  /** A fresh key for a form that must be applied once, however often it is sent. */
  readonly formKey: string
  /** The URL of a file in public/. */
  readonly asset: (path: string) => string
}
