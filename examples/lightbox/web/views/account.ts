import { html } from 'hono/html'
import type { PageContent } from '../document.ts'
import { FORM_KEY_FIELD } from '../form.ts'
import type { Html } from '../html.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'
import { errorSummary, type FormErrors, field } from './field.ts'

export interface AccountForm {
  readonly values: Readonly<Record<string, string>>
  readonly errors: FormErrors
  /** Where to go afterwards; a path of this site. */
  readonly next: string
}

export const HANDLE_HINT = '3 to 30 letters, digits and underscores. It is your address here.'
export const PASSWORD_HINT = 'At least 8 characters. A few words are better than one.'

export function signUpPage(visit: Visit, form: AccountForm): PageContent {
  const { values, errors } = form
  return accountPage(visit, form, {
    title: 'Sign up',
    lede: html`Already a member? <a href="${withNext(paths.logIn, form.next)}">Log in</a>`,
    action: paths.signUp,
    submit: 'Sign up',
    fields: html`<input type="hidden" name="${FORM_KEY_FIELD}" value="${visit.formKey}">
<div class="pair">
${field({ name: 'firstName', label: 'First name', value: values.firstName ?? '', autocomplete: 'given-name', required: true, maxlength: 100 }, errors)}
${field({ name: 'lastName', label: 'Last name', value: values.lastName ?? '', autocomplete: 'family-name', required: true, maxlength: 100 }, errors)}
</div>
${field({ name: 'handle', label: 'Handle', value: values.handle ?? '', hint: HANDLE_HINT, autocomplete: 'username', required: true, minlength: 3, maxlength: 30, prefix: '@', verbatim: true }, errors)}
${field({ name: 'password', label: 'Password', type: 'password', hint: PASSWORD_HINT, autocomplete: 'new-password', required: true, minlength: 8, maxlength: 200 }, errors)}`,
  })
}

export function logInPage(visit: Visit, form: AccountForm): PageContent {
  const { values, errors } = form
  return accountPage(visit, form, {
    title: 'Log in',
    lede: html`New here? <a href="${withNext(paths.signUp, form.next)}">Sign up</a>`,
    action: paths.logIn,
    submit: 'Log in',
    fields: html`${field({ name: 'handle', label: 'Handle', value: values.handle ?? '', autocomplete: 'username', required: true, maxlength: 31, prefix: '@', verbatim: true }, errors)}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true, maxlength: 200 }, errors)}`,
  })
}

interface AccountParts {
  readonly title: string
  readonly lede: Html
  readonly action: string
  readonly submit: string
  readonly fields: Html
}

function accountPage(_visit: Visit, form: AccountForm, parts: AccountParts): PageContent {
  const wrong = Object.keys(form.errors).length > 0
  return {
    title: `${wrong ? 'Error: ' : ''}${parts.title}`,
    unlisted: true,
    body: html`<div class="narrow">
<h1>${parts.title}</h1>
<p class="lede">${parts.lede}</p>
${errorSummary(form.errors)}
<form class="stack" method="post" action="${parts.action}">
${form.next === paths.home ? '' : html`<input type="hidden" name="next" value="${form.next}">`}
${parts.fields}
<div><button class="button">${parts.submit}</button></div>
</form>
</div>`,
  }
}

function withNext(path: string, next: string): string {
  return next === paths.home ? path : `${path}?next=${encodeURIComponent(next)}`
}
