/**
 * The pages are in English; a visitor's languages choose only which English, so that a number and the words
 * around it belong together (and a screen reader reads both aright).
 */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-CA', 'en-IE', 'en-IN', 'en-NZ', 'en-ZA'] as const
export type Locale = (typeof LOCALES)[number]

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const COMPACT_FROM = 10_000

/** One format in a locale. Making one takes milliseconds and memory, so each is made when it is first used. */
function lazy<F>(make: (locale: Locale) => F): (locale: Locale) => F {
  const made = new Map<Locale, F>()
  return (locale) => {
    let format = made.get(locale)
    if (format === undefined) {
      format = make(locale)
      made.set(locale, format)
    }
    return format
  }
}

const FORMATS = {
  number: lazy((locale) => new Intl.NumberFormat(locale)),
  compact: lazy((locale) => new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 })),
  relative: lazy((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })),
  day: dates({ day: 'numeric', month: 'long' }),
  dayOfYear: dates({ day: 'numeric', month: 'long', year: 'numeric' }),
  full: dates({ dateStyle: 'long', timeStyle: 'short' }),
}

function dates(options: Intl.DateTimeFormatOptions): (locale: Locale) => Intl.DateTimeFormat {
  return lazy((locale) => new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }))
}

/** The locale that an `Accept-Language` header asks for most. */
export function localeOf(acceptLanguage: string | undefined): Locale {
  const wanted = (acceptLanguage ?? '')
    .slice(0, 200)
    .split(',')
    .map((part) => {
      const [tag = '', ...rest] = part.trim().split(';')
      const quality = rest.find((item) => item.trim().startsWith('q='))
      return { tag: tag.toLowerCase(), quality: quality ? Number(quality.trim().slice(2)) : 1 }
    })
    .sort((a, b) => b.quality - a.quality)
  for (const { tag } of wanted) {
    const locale = LOCALES.find((known) => known.toLowerCase() === tag)
    if (locale) return locale
  }
  return 'en-US'
}

/** `1,234`, and from ten thousand on `12.3K`. */
export function count(locale: Locale, value: number): string {
  const format = value < COMPACT_FROM ? FORMATS.number : FORMATS.compact
  return format(locale).format(value)
}

/** `5 minutes ago`, and after a week the date. */
export function ago(locale: Locale, thenMs: number, nowMs: number): string {
  const passed = Math.max(0, nowMs - thenMs)
  if (passed < MINUTE_MS) return 'just now'
  if (passed < HOUR_MS) return FORMATS.relative(locale).format(-Math.floor(passed / MINUTE_MS), 'minute')
  if (passed < DAY_MS) return FORMATS.relative(locale).format(-Math.floor(passed / HOUR_MS), 'hour')
  if (passed < 7 * DAY_MS) return FORMATS.relative(locale).format(-Math.floor(passed / DAY_MS), 'day')
  const sameYear = new Date(thenMs).getUTCFullYear() === new Date(nowMs).getUTCFullYear()
  return (sameYear ? FORMATS.day : FORMATS.dayOfYear)(locale).format(thenMs)
}

/** `12 March 2026 at 14:05 UTC`. */
export function fullTime(locale: Locale, thenMs: number): string {
  return `${FORMATS.full(locale).format(thenMs)} UTC`
}
