import { html, raw } from 'hono/html'
import { ALT_CHARACTERS_MAX, CROP_SIDE_MIN, type Edits } from '../../schemas/photo.ts'
import { attributes, type Html } from '../html.ts'

/** Percent, as the fields have them. */
const percent = (fraction: number): string => String(Math.round(fraction * 1000) / 10)

const WHOLE = { x: 0, y: 0, width: 1, height: 1 }

export interface EditorState {
  readonly edits: Edits
  /** The whole photo; absent where it has yet to be chosen. */
  readonly proof?: { readonly url: string; readonly width: number; readonly height: number } | null
}

/**
 * Crop, sharpness and blur. Fields and sliders are the form; with scripts (public/editor.js) there is a frame
 * to drag on top of them, which only fills in the fields.
 */
export function editor({ edits, proof }: EditorState): Html {
  const { x, y, width, height } = edits.crop ?? WHOLE
  return html`<div class="editor" data-editor>
${proof ? stage(proof) : html`<div class="stage" data-stage hidden></div>`}
<div class="shapes" data-shapes hidden role="group" aria-label="Shape">
${shape('free', 'Whole')}${shape('1', 'Square')}${shape('0.8', '4:5')}${shape('1.5', '3:2')}${shape('1.7778', '16:9')}
</div>
<div class="pair">
${slider('sharpen', 'Sharpen', edits.sharpen ?? 0)}
${slider('blur', 'Blur', edits.blur ?? 0)}
</div>
<details class="numbers">
<summary>Crop by numbers</summary>
<div class="four">
${number('crop-x', 'Left', x, 0)}
${number('crop-y', 'Top', y, 0)}
${number('crop-width', 'Width', width, CROP_SIDE_MIN)}
${number('crop-height', 'Height', height, CROP_SIDE_MIN)}
</div>
</details>
</div>`
}

export function altField(alt: string): Html {
  return html`<div class="field"><label for="f-alt">Describe the photo</label>
<p class="hint" id="f-alt-hint">For people who cannot see it</p>
<input id="f-alt" name="alt" value="${alt}" maxlength="${ALT_CHARACTERS_MAX}" autocomplete="off" aria-describedby="f-alt-hint"></div>`
}

function stage({ url, width, height }: NonNullable<EditorState['proof']>): Html {
  return html`<div class="stage" data-stage><img src="${url}" width="${width}" height="${height}" alt="The whole photo"></div>`
}

function shape(value: string, text: string): Html {
  return html`<button type="button" class="plain" data-shape="${value}">${text}</button>`
}

function slider(name: string, label: string, fraction: number): Html {
  const input = attributes({
    id: `f-${name}`,
    name,
    type: 'range',
    min: 0,
    max: 100,
    value: percent(fraction),
  })
  return html`<div class="field slider"><label for="f-${name}">${label}</label><input${input}></div>`
}

function number(name: string, label: string, fraction: number, min: number): Html {
  const input = attributes({
    id: `f-${name}`,
    name,
    type: 'number',
    min: percent(min),
    max: 100,
    step: '0.1',
    inputmode: 'decimal',
    value: percent(fraction),
  })
  return html`<div class="field"><label for="f-${name}">${label} <span class="soft">%</span></label><input${input}></div>`
}

/** Shapes of the preview's sharpening, which public/editor.js sets the strength of. */
export const previewFilter: Html = raw(
  '<svg width="0" height="0" class="vh" aria-hidden="true"><filter id="sharper" color-interpolation-filters="sRGB"><feConvolveMatrix order="3" preserveAlpha="true" kernelMatrix="0 0 0 0 1 0 0 0 0"/></filter></svg>',
)
