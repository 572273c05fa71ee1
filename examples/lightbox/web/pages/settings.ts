import { changeProfile, type Person } from '../../domain/index.ts'
import { profileChangeSchema } from '../../schemas/account.ts'
import { type Form, readForm } from '../form.ts'
import { paths } from '../paths.ts'
import { seeOther, show } from '../respond.ts'
import type { FormErrors } from '../views/field.ts'
import { PHONES_MAX, type ProfileDraft, settingsPage } from '../views/settings.ts'
import { attempt } from './attempt.ts'
import { forMembers, type Handler } from './call.ts'

export const showSettings: Handler = forMembers(({ visit, me }) =>
  show(visit, settingsPage(visit, { draft: draftOf(me), errors: {} })),
)

/** Saves, or adds or removes a row of numbers and shows the form again. */
export const settings: Handler = forMembers(async ({ system, request, visit, me }) => {
  const form = await readForm(request)
  const draft = typedDraft(form)
  const task = form.text('do')
  if (task === 'add-phone') {
    const phoneNumbers = [...draft.phoneNumbers, ''].slice(0, PHONES_MAX)
    const view = { draft: { ...draft, phoneNumbers }, errors: {}, focusPhone: phoneNumbers.length - 1 }
    return show(visit, settingsPage(visit, view))
  }
  const removed = /^remove-phone-(\d{1,2})$/.exec(task)?.[1]
  if (removed !== undefined) {
    const phoneNumbers = draft.phoneNumbers.filter((_, index) => index !== Number(removed))
    const focusPhone = Math.min(Number(removed), phoneNumbers.length - 1)
    return show(visit, settingsPage(visit, { draft: { ...draft, phoneNumbers }, errors: {}, focusPhone }))
  }
  // A row that was left empty is a row nobody wanted.
  const kept = { ...draft, phoneNumbers: draft.phoneNumbers.filter((number) => number.trim() !== '') }
  const result = await attempt(profileChangeSchema, changeOf(kept), (change) =>
    changeProfile(system, me.id, change),
  )
  if (result.ok) return seeOther(paths.person(me.handle), 'saved')
  const { errors, status, headers } = result
  return show(visit, settingsPage(visit, { draft: kept, errors: worded(errors) }), { status, headers })
})

function draftOf({ firstName, lastName, address, phoneNumbers }: Person): ProfileDraft {
  const { streetAddress = '', city = '', state = '', postalCode = '' } = address ?? {}
  return { firstName, lastName, streetAddress, city, state, postalCode, phoneNumbers }
}

function typedDraft(form: Form): ProfileDraft {
  const names = Array.from({ length: PHONES_MAX }, (_, index) => `phone-${index}`)
  return {
    firstName: form.text('firstName'),
    lastName: form.text('lastName'),
    streetAddress: form.text('streetAddress'),
    city: form.text('city'),
    state: form.text('state'),
    postalCode: form.text('postalCode'),
    phoneNumbers: names.filter((name) => form.has(name)).map((name) => form.text(name)),
  }
}

function changeOf({ firstName, lastName, phoneNumbers, ...address }: ProfileDraft): object {
  const isEmpty = Object.values(address).every((part) => part.trim() === '')
  return { firstName, lastName, phoneNumbers, address: isEmpty ? null : address }
}

const LABELS: Readonly<Record<string, string>> = {
  firstName: 'The first name',
  lastName: 'The last name',
  streetAddress: 'The street address',
  city: 'The city',
  state: 'The state or region',
  postalCode: 'The postal code',
}

function worded(errors: FormErrors): FormErrors {
  return Object.fromEntries(
    Object.entries(errors).map(([pointer, text]) => {
      const phone = /^phoneNumbers\/(\d+)$/.exec(pointer)?.[1]
      if (phone !== undefined) return [`phone-${phone}`, `Phone number ${Number(phone) + 1} ${text}.`]
      const name = pointer.replace(/^address\//, '')
      return [name, LABELS[name] ? `${LABELS[name]} ${text}.` : text]
    }),
  )
}
