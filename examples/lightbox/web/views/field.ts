import { html } from 'hono/html'
import { attributes, type Html, words } from '../html.ts'

export interface FieldOptions {
  /** Name of the form's field; also its id with `f-` before it. */
  readonly name: string
  readonly label: string
  readonly value?: string
  readonly hint?: string
  readonly type?: 'text' | 'password' | 'tel'
  /** @defaultValue 'off' */
  readonly autocomplete?: string
  readonly required?: boolean
  readonly maxlength?: number
  readonly minlength?: number
  /** Text before what is typed. */
  readonly prefix?: string
  /** For handles: no capital, no correction. */
  readonly verbatim?: boolean
  /** Takes the focus when the page opens; the first field with an error does anyway. */
  readonly focused?: boolean
}

/** What is wrong with a form, by the names of its fields; `''` stands for the form as a whole. */
export type FormErrors = Readonly<Record<string, string>>

export const fieldId = (name: string): string => `f-${name}`

/** A labelled input; hint and error are tied to it for assistive technology. */
export function field(options: FieldOptions, errors: FormErrors = {}): Html {
  const id = fieldId(options.name)
  const error = errors[options.name]
  const input = attributes({
    id,
    name: options.name,
    type: options.type ?? 'text',
    value: options.type === 'password' ? null : (options.value ?? null),
    autocomplete: options.autocomplete ?? 'off',
    required: options.required,
    maxlength: options.maxlength,
    minlength: options.minlength,
    autocapitalize: options.verbatim ? 'none' : null,
    spellcheck: options.verbatim ? 'false' : null,
    'aria-describedby': words(options.hint && `${id}-hint`, error && `${id}-error`),
    'aria-invalid': error ? 'true' : null,
    autofocus: options.focused || Object.keys(errors)[0] === options.name,
  })
  const control = html`<input${input}>`
  return html`<div class="field">
<label for="${id}">${options.label}</label>
${options.hint ? html`<p class="hint" id="${id}-hint">${options.hint}</p>` : ''}
${error ? html`<p class="error" id="${id}-error">${error}</p>` : ''}
${options.prefix ? html`<div class="prefixed"><span aria-hidden="true">${options.prefix}</span>${control}</div>` : control}
</div>`
}

/** What is wrong with a form, first on its page, with ways to the fields. */
export function errorSummary(errors: FormErrors): Html | string {
  const entries = Object.entries(errors)
  if (entries.length === 0) return ''
  return html`<div class="alert" role="alert">
<h2>${entries.length === 1 ? 'Something is not right yet' : `${entries.length} things are not right yet`}</h2>
<ul>${entries.map(([name, text]) => html`<li>${name === '' ? text : html`<a href="#${fieldId(name)}">${text}</a>`}</li>`)}</ul>
</div>`
}
