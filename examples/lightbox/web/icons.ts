import { html, raw } from 'hono/html'
import type { Html } from './html.ts'

const SHAPES = {
  home: '<path d="M4 11.5 12 4l8 7.5"/><path d="M6 10v9.5h12V10"/><path d="M10 19.5v-5h4v5"/>',
  write: '<path d="M4.5 19.5 6 14 16.5 3.5l4 4L10 18z"/><path d="m14 6 4 4"/>',
  person: '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c1-4 4-6 7.5-6s6.5 2 7.5 6"/>',
  settings:
    '<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.6"/><circle cx="8" cy="17" r="2.6"/>',
  leave: '<path d="M10 4.5H5v15h5"/><path d="M15 8l4 4-4 4M19 12H9.5"/>',
  heart:
    '<path d="M12 20C5 15.5 3 12 3 8.7 3 6 5 4 7.5 4c1.9 0 3.5 1.1 4.5 2.9C13 5.1 14.6 4 16.5 4 19 4 21 6 21 8.7c0 3.3-2 6.8-9 11.3z"/>',
  frame:
    '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="m5 17 5-6 4 4 2.5-2.5 3 4.5"/><circle cx="15.5" cy="9" r="1.2"/>',
  crop: '<path d="M7 3v14h14"/><path d="M3 7h14v14"/>',
  image:
    '<rect x="3" y="5" width="18" height="14" rx="2"/><circle cx="9" cy="10" r="1.4"/><path d="m4 17.5 5-4.5 3.5 3 3-2.5 4.5 4"/>',
  check: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
} as const

export type IconName = keyof typeof SHAPES

/** Each shape once per page; {@link icon} refers to it. */
export const iconShapes: Html = raw(
  `<svg width="0" height="0" class="vh" aria-hidden="true">${Object.entries(SHAPES)
    .map(([name, shape]) => `<symbol id="i-${name}" viewBox="0 0 24 24">${shape}</symbol>`)
    .join('')}</svg>`,
)

/** A decoration: the text beside it says what it means. */
export function icon(name: IconName): Html {
  return html`<svg class="icon" aria-hidden="true"><use href="#i-${name}"/></svg>`
}
