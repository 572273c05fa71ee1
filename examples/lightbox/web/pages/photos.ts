import { deletePhoto, editPhoto, getOwnPhoto, getPerson, getPhoto, photoOwner } from '../../domain/index.ts'
import { editsSchema } from '../../schemas/photo.ts'
import { editsOf } from '../edits-form.ts'
import { readForm } from '../form.ts'
import { paths } from '../paths.ts'
import { seeOther, show, showParts } from '../respond.ts'
import { editPage } from '../views/edit.ts'
import type { FormErrors } from '../views/field.ts'
import { photoFigure } from '../views/photo.ts'
import { attempt } from './attempt.ts'
import { forMembers, type Handler, type MemberCall } from './call.ts'

/** `/photos/:id`. */
export const showPhoto: Handler = forMembers((call) => showEditor(call, {}))

async function showEditor(
  call: MemberCall,
  errors: FormErrors,
  options: Parameters<typeof show>[2] = {},
): Promise<Response> {
  const photo = await getOwnPhoto(call.system, call.param('id'), call.me.id)
  return show(call.visit, editPage(call.visit, { photo, errors }), options)
}

export const saveEdits: Handler = forMembers(async (call) => {
  const form = await readForm(call.request)
  const id = call.param('id')
  const result = await attempt(editsSchema, editsOf(form.text), (edits) =>
    editPhoto(call.system, call.me.id, id, edits),
  )
  if (result.ok) return seeOther(paths.photo(id))
  const { status, headers, errors } = result
  return showEditor(call, inWords(errors), { status, headers })
})

export const removePhoto: Handler = forMembers(async (call) => {
  const id = call.param('id')
  const result = await attempt(editsSchema, {}, () => deletePhoto(call.system, call.me.id, id))
  if (result.ok) return seeOther(paths.home, 'deleted')
  return showEditor(call, result.errors, { status: result.status, headers: result.headers })
})

/** The photo as it is now, for public/app.js. */
export const figure: Handler = async ({ system, visit, param, query }) => {
  const id = param('id')
  const { mine: _, ...photo } = await getPhoto(system, id, visit.me?.id ?? null)
  const owner = await getPerson(system, await photoOwner(system, id))
  const here = query('here') ?? paths.home
  return showParts([photoFigure({ ...visit, here }, { photo, owner, edited: query('edited') === '1' })])
}

/** The names of the fields are those of the API; people read sentences. */
export function inWords(errors: FormErrors): FormErrors {
  return Object.fromEntries(
    Object.entries(errors).map(([name, text]) => {
      if (/^(edits\/)?crop/.test(name)) return ['crop-x', 'The crop must lie within the photo.']
      if (/^(edits\/)?(sharpen|blur)$/.test(name)) {
        const field = name.replace('edits/', '')
        return [field, `${field === 'blur' ? 'Blur' : 'Sharpen'} goes from 0 to 100.`]
      }
      return [name, text]
    }),
  )
}
