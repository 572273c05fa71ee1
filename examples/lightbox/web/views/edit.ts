import { html } from 'hono/html'
import type { OwnPhoto } from '../../domain/index.ts'
import type { PageContent } from '../document.ts'
import { attributes } from '../html.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { editor, previewFilter } from './editor.ts'
import { errorSummary, type FormErrors } from './field.ts'
import { photoFigure } from './photo.ts'

export interface EditView {
  readonly photo: OwnPhoto
  readonly errors: FormErrors
}

/** A photo on a page of its own, where its owner edits it. */
export function editPage(visit: Visit, { photo, errors }: EditView): PageContent {
  const { me } = visit
  const wrong = Object.keys(errors).length > 0
  const waiting = photo.status === 'processing'
  return {
    title: `${wrong ? 'Error: ' : ''}Your photo`,
    unlisted: true,
    ...(waiting && { refreshSeconds: 2 }),
    body: html`<div class="reading"${attributes({ 'data-reload': waiting && !photo.proof })}>
<h1>Your photo</h1>
${errorSummary(errors)}
${me ? photoFigure(visit, { photo, owner: me, eager: true, edited: true }) : ''}
${photo.proof || photo.status === 'failed' ? form(photo) : ''}
<form class="after" method="post" action="${paths.photoDelete(photo.id)}"><p class="hint">A photo that no post shows can be deleted.</p>
<button class="button quiet small">Delete photo</button></form>
</div>`,
  }
}

function form({ id, edits, proof }: OwnPhoto) {
  return html`<form class="stack edit" method="post" action="${paths.photoEdits(id)}">
<h2>Edit</h2>
${editor({ edits, proof })}
${previewFilter}
<div class="actions"><button class="button">Save</button>
<p class="hint">It is always made from the photo you sent: nothing is lost.</p></div>
</form>`
}
