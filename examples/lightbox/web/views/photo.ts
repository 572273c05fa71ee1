import { html } from 'hono/html'
import { FORMATS, type Format } from '../../darkroom/settings.ts'
import type { Photo, PostCard, Variant } from '../../domain/index.ts'
import { attributes, type Html } from '../html.ts'
import { icon } from '../icons.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { fullName } from './person.ts'

/** How wide a photo is shown: the column of posts, or a phone without its margins. */
const SIZES = '(min-width: 42.5rem) 40rem, (min-width: 30rem) calc(100vw - 2.5rem), 100vw'
/** What a browser without `srcset` loads. Pixels. */
const PLAIN_WIDTH = 1280

/** For these `src` is enough, so a source of its own would be said twice. */
const PLAIN: Format = 'jpeg'

export interface PhotoView {
  readonly photo: Photo
  /** Whose it is. */
  readonly owner: PostCard['author']
  /** Whether the page is the one where it is edited. */
  readonly edited?: boolean
  /** The first photo of a page is loaded at once. */
  readonly eager?: boolean
}

/** A photo, or what becomes of it; with scripts it is replaced when it is ready. */
export function photoFigure(visit: Visit, view: PhotoView): Html | string {
  const { photo, owner } = view
  const mine = visit.me?.id === owner.id
  if (photo.status === 'failed' && photo.variants.length === 0 && !mine) return ''
  const waiting = photo.status === 'processing'
  const figure = attributes({
    class: 'photo',
    'data-part': `photo-${photo.id}`,
    'data-events': waiting && (mine || photo.variants.length === 0) ? paths.photoEvents(photo.id) : null,
    'data-figure': waiting ? `${paths.photoFigure(photo.id)}${view.edited ? '?edited=1' : ''}` : null,
  })
  return html`<figure${figure}>
${photo.variants.length > 0 ? picture(view) : ''}
${waiting && (mine || photo.variants.length === 0) ? developing(visit, photo) : ''}
${photo.status === 'failed' && mine ? failed(view) : ''}
${mine && !view.edited && photo.variants.length > 0 ? html`<figcaption><a class="plain" href="${paths.photo(photo.id)}">${icon('crop')}<span>Edit photo</span></a></figcaption>` : ''}
</figure>`
}

/** Sizes stand in the page, so nothing moves when the bytes arrive. */
export function picture({ photo, owner, eager = false }: PhotoView): Html {
  const [largest] = photo.variants
  const plain = photo.variants.filter(({ format }) => format === PLAIN)
  const shown = plain.find(({ width }) => width <= PLAIN_WIDTH) ?? plain.at(-1)
  const img = attributes({
    src: shown?.url,
    srcset: srcset(plain),
    sizes: SIZES,
    width: largest?.width,
    height: largest?.height,
    alt: photo.alt || `Photo by ${fullName(owner)}`,
    loading: eager ? null : 'lazy',
    fetchpriority: eager ? 'high' : null,
    decoding: 'async',
  })
  return html`<picture>
${FORMATS.filter((format) => format !== PLAIN).map((format) => source(format, photo.variants))}
<img${img}>
</picture>`
}

function source(format: Format, variants: readonly Variant[]): Html {
  const own = variants.filter((variant) => variant.format === format)
  return html`<source${attributes({ type: `image/${format}`, srcset: srcset(own), sizes: SIZES })}>`
}

const srcset = (variants: readonly Variant[]): string =>
  variants.map(({ url, width }) => `${url} ${width}w`).join(', ')

function developing(visit: Visit, { variants }: Photo): Html {
  const again = variants.length > 0
  return html`<div class="developing${again ? ' again' : ''}">
${icon('frame')}
<p role="status">${again ? 'Your edits are being developed' : 'The photo is being developed'}<span data-percent></span></p>
<progress max="1" aria-label="Developing the photo"></progress>
<noscript><a href="${visit.here}">Look again</a></noscript>
</div>`
}

function failed({ photo: { id, reason }, edited }: PhotoView): Html {
  return html`<div class="alert" role="alert"><h2>This photo could not be made</h2>
<p>${reason ?? ''}</p>
${edited ? '' : html`<p><a href="${paths.photo(id)}">Edit or try again</a></p>`}</div>`
}
