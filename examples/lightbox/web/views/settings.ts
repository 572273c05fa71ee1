import { html } from 'hono/html'
import type { PageContent } from '../document.ts'
import type { Html } from '../html.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { errorSummary, type FormErrors, field } from './field.ts'

/** What is in the fields, as typed. */
export interface ProfileDraft {
  readonly firstName: string
  readonly lastName: string
  readonly streetAddress: string
  readonly city: string
  readonly state: string
  readonly postalCode: string
  readonly phoneNumbers: readonly string[]
}

export interface SettingsView {
  readonly draft: ProfileDraft
  readonly errors: FormErrors
  /** A number of the list that was just added and takes the focus. */
  readonly focusPhone?: number
}

export const PHONES_MAX = 10

/** One's own profile. Rows of numbers are added and removed by the server, so that it needs no script. */
export function settingsPage(visit: Visit, { draft, errors, focusPhone }: SettingsView): PageContent {
  const wrong = Object.keys(errors).length > 0
  const text = (
    name: Exclude<keyof ProfileDraft, 'phoneNumbers'>,
    label: string,
    autocomplete: string,
    required = false,
  ): Html => field({ name, label, value: draft[name], autocomplete, required, maxlength: 200 }, errors)
  return {
    title: `${wrong ? 'Error: ' : ''}Your profile`,
    unlisted: true,
    body: html`<div class="narrow">
<h1>Your profile</h1>
<p class="lede">Everything here is public. <a href="${paths.person(visit.me?.handle ?? '')}">Your page</a> shows your name and town, the API all of it.</p>
${errorSummary(errors)}
<form class="stack" method="post" action="${paths.settings}">
<button name="do" value="save" hidden tabindex="-1">Save</button>
<div class="pair">
${text('firstName', 'First name', 'given-name', true)}
${text('lastName', 'Last name', 'family-name', true)}
</div>
<fieldset class="stack">
<legend>Address</legend>
${text('streetAddress', 'Street address', 'street-address')}
${text('city', 'City', 'address-level2')}
<div class="pair">
${text('state', 'State or region', 'address-level1')}
${text('postalCode', 'Postal code', 'postal-code')}
</div>
</fieldset>
<fieldset class="stack">
<legend>Phone numbers</legend>
${draft.phoneNumbers.map((value, index) => phone(value, index, errors, focusPhone === index))}
${draft.phoneNumbers.length === 0 ? html`<p class="hint">You have not given any.</p>` : ''}
${draft.phoneNumbers.length < PHONES_MAX ? html`<div><button class="button quiet small" name="do" value="add-phone" formnovalidate>Add a number</button></div>` : ''}
</fieldset>
<div class="save actions"><button class="button" name="do" value="save">Save</button>
<a class="button quiet" href="${paths.person(visit.me?.handle ?? '')}">Cancel</a></div>
</form>
</div>`,
  }
}

function phone(value: string, index: number, errors: FormErrors, focused: boolean): Html {
  const name = `phone-${index}`
  const label = `Phone number ${index + 1}`
  return html`<div class="with-button">
${field({ name, label, value, type: 'tel', autocomplete: index === 0 ? 'tel' : 'off', maxlength: 40, focused }, errors)}
<button class="button quiet small" name="do" value="remove-phone-${index}" formnovalidate>Remove<span class="vh"> phone number ${index + 1}</span></button>
</div>`
}
