import { html, raw } from 'hono/html'

/** Escaped text of a page, from the `html` template of Hono; strings put into it are escaped, Html is not. */
export type Html = ReturnType<typeof html>

type AttributeValue = string | number | boolean | null | undefined

/** ` name="value"` for each value that is set; `true` gives the bare name. Names are ours, values are escaped. */
export function attributes(values: Readonly<Record<string, AttributeValue>>): Html[] {
  return Object.entries(values).map(([name, value]) => {
    if (value === undefined || value === null || value === false) return raw('')
    return value === true ? raw(` ${name}`) : html` ${raw(name)}="${value}"`
  })
}

/** The words that are set, for `class`, `aria-describedby` and the like; undefined when there are none. */
export function words(...values: readonly (string | false | null | undefined)[]): string | undefined {
  return values.filter(Boolean).join(' ') || undefined
}
