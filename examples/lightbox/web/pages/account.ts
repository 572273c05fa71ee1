import { logIn as checkPassword, createAccount } from '../../domain/index.ts'
import { logInSchema, newAccountSchema } from '../../schemas/account.ts'
import { type Form, readForm } from '../form.ts'
import { localPath, paths } from '../paths.ts'
import { seeOther, show } from '../respond.ts'
import { logInPage, signUpPage } from '../views/account.ts'
import type { FormErrors } from '../views/field.ts'
import { attempt, type Refusal } from './attempt.ts'
import type { Call, Handler } from './call.ts'

const LABELS: Readonly<Record<string, string>> = {
  firstName: 'The first name',
  lastName: 'The last name',
  handle: 'The handle',
  password: 'The password',
}

type AccountPage = typeof signUpPage

export const showSignUp: Handler = (call) => showForm(call, signUpPage)
export const showLogIn: Handler = (call) => showForm(call, logInPage)

export const signUp: Handler = async (call) => {
  const form = await readForm(call.request)
  const typed = { ...names(form), handle: handleOf(form), password: form.text('password') }
  const result = await attempt(newAccountSchema, typed, async (account) => {
    const { id } = await createAccount(call.system, account)
    await call.system.sessions.begin({ principal: id })
  })
  if (!result.ok) return showAgain(call, signUpPage, form, result)
  return seeOther(localPath(form.text('next'), paths.home), 'welcome')
}

export const logIn: Handler = async (call) => {
  const form = await readForm(call.request)
  const typed = { handle: handleOf(form), password: form.text('password') }
  const result = await attempt(logInSchema, typed, async ({ handle, password }) => {
    const { id } = await checkPassword(call.system, handle, password)
    await call.system.sessions.begin({ principal: id })
  })
  if (!result.ok) return showAgain(call, logInPage, form, result)
  return seeOther(localPath(form.text('next'), paths.home), 'back')
}

export const logOut: Handler = async ({ system }) => {
  await system.sessions.end()
  return seeOther(paths.home, 'left')
}

/** Someone who is logged in has no use for these forms. */
function showForm({ visit, query }: Call, view: AccountPage): Response {
  const next = localPath(query('next'), paths.home)
  if (visit.me) return seeOther(next)
  return show(visit, view(visit, { values: {}, errors: {}, next }), {
    headers: { 'cache-control': 'private, no-store' },
  })
}

function showAgain({ visit }: Call, view: AccountPage, form: Form, refusal: Refusal): Response {
  const { status, headers, errors, again } = refusal
  const shown = again && form.key ? { ...visit, formKey: form.key } : visit
  const values = { ...names(form), handle: handleOf(form) }
  const next = localPath(form.text('next'), paths.home)
  return show(shown, view(shown, { values, errors: worded(errors, status), next }), { status, headers })
}

function worded(errors: FormErrors, status: number): FormErrors {
  // A taken handle is told as the handle's own problem.
  if (status === 409) return { handle: errors[''] ?? '' }
  return Object.fromEntries(
    Object.entries(errors).map(([name, text]) => [name, LABELS[name] ? `${LABELS[name]} ${text}.` : text]),
  )
}

const names = (form: Form) => ({ firstName: form.text('firstName'), lastName: form.text('lastName') })

/** People type the sign that stands before handles, and spaces that their keyboards add. */
const handleOf = (form: Form): string => form.text('handle').trim().replace(/^@/, '')
