import { html } from 'hono/html'
import { IMAGE_BYTES_MAX } from '../../darkroom/settings.ts'
import type { Edits } from '../../schemas/photo.ts'
import { POST_CHARACTERS_MAX } from '../../schemas/post.ts'
import { FORM_KEY_FIELD } from '../form.ts'
import { attributes, type Html, words } from '../html.ts'
import { icon } from '../icons.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { altField, editor, previewFilter } from './editor.ts'

export interface ComposerState {
  readonly text: string
  readonly alt?: string
  readonly edits?: Edits
  readonly error?: string
}

const ACCEPT = 'image/jpeg,image/png,image/webp,image/avif'

/** Where a post is written: words, a photo, or both. */
export function composer(visit: Visit, state: ComposerState = { text: '' }): Html {
  const area = attributes({
    id: 'write',
    name: 'text',
    rows: 3,
    'data-count': POST_CHARACTERS_MAX,
    'aria-describedby': words(state.error && 'write-error', 'write-left'),
    'aria-invalid': state.error ? 'true' : null,
    autofocus: state.error !== undefined,
  })
  // A line break right after the start tag is not part of the text: it keeps one that was typed.
  return html`<form class="composer" method="post" action="${paths.posts}" enctype="multipart/form-data" data-composer>
<input type="hidden" name="${FORM_KEY_FIELD}" value="${visit.formKey}">
<label for="write">What did you see today?</label>
${state.error ? html`<p class="error" id="write-error" role="alert">${state.error}</p>` : ''}
<textarea${area}>
${state.text}</textarea>
${photoPart(state)}
<div class="row"><label class="button quiet small choose" for="f-image">${icon('image')}<span data-choose>Add a photo</span></label>
<span class="hint" id="write-left">Up to ${new Intl.NumberFormat(visit.locale).format(POST_CHARACTERS_MAX)} characters</span>
<button class="button">Post</button></div>
</form>`
}

/** The file stands after the words: whoever reads the form has those when the file is refused. */
function photoPart({ alt = '', edits = {} }: ComposerState): Html {
  const input = attributes({
    id: 'f-image',
    name: 'image',
    type: 'file',
    accept: ACCEPT,
    'data-bytes-max': IMAGE_BYTES_MAX,
    'aria-describedby': 'f-image-hint',
  })
  return html`<div class="photo-part" data-photo-part>
<div class="file"><input${input}><p class="hint" id="f-image-hint">JPEG, PNG, WebP or AVIF, up to 20 MB</p></div>
<p class="error" data-file-error hidden role="alert"></p>
<details data-edit><summary>Crop, sharpen, blur, describe</summary>
${editor({ edits })}
${altField(alt)}
${previewFilter}
</details>
<button type="button" class="plain remove" data-remove hidden>Remove the photo</button>
</div>`
}
