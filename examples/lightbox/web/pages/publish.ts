import { createHash } from 'node:crypto'
import { z } from 'zod'
import { createPost, type NewPhoto } from '../../domain/index.ts'
import { check } from '../../routes/body.ts'
import { isMultipart, readUpload } from '../../routes/multipart.ts'
import { newPhotoSchema } from '../../schemas/photo.ts'
import { newPostSchema } from '../../schemas/post.ts'
import { editsOf } from '../edits-form.ts'
import { FORM_KEY_FIELD, isFormKey, readForm } from '../form.ts'
import { paths } from '../paths.ts'
import { seeOther } from '../respond.ts'
import type { FormErrors } from '../views/field.ts'
import { attempt } from './attempt.ts'
import { forMembers, type Handler, type MemberCall } from './call.ts'
import { showHome } from './home.ts'
import { inWords } from './photos.ts'

/** What was typed: complete only when the form could be read to its end. */
class Draft {
  readonly fields = new Map<string, string>()
  image: string | null = null
  readonly field = (name: string): string => this.fields.get(name) ?? ''

  async read({ system, request }: MemberCall): Promise<void> {
    if (isMultipart(request)) {
      this.image = (await readUpload(system, request, this.fields)).image
      return
    }
    const form = await readForm(request)
    for (const name of ['text', FORM_KEY_FIELD]) this.fields.set(name, form.text(name))
  }

  /** @throws Problem `invalid` */
  checked(): { text: string; photo: NewPhoto | null } {
    const { field, image } = this
    if (image === null) return { ...check(newPostSchema, { text: field('text') }), photo: null }
    const photo = check(newPhotoSchema, { edits: editsOf(field), alt: field('alt') })
    // A photo will be there, under whatever id: then the words may be missing.
    const { text } = check(newPostSchema, { text: field('text'), photoId: image })
    return { text, photo: { ...photo, original: image } }
  }

  /**
   * The platform applies a form once that it can recognise; browsers write a form with a file differently each time.
   * The same key with the same content is the same post.
   */
  key(content: unknown): string | null {
    const key = this.field(FORM_KEY_FIELD)
    if (this.image === null || !isFormKey(key)) return null
    return createHash('sha256')
      .update(JSON.stringify([key, content]))
      .digest('base64url')
  }
}

/** Sent twice, it is one post. */
export const publish: Handler = forMembers(async (call) => {
  const draft = new Draft()
  const result = await attempt(z.unknown(), null, async () => {
    await draft.read(call)
    const { text, photo } = draft.checked()
    await createPost(call.system, call.me.id, text, photo, draft.key([text, photo]))
  })
  if (result.ok) return seeOther(paths.home, 'posted')
  const { status, headers, errors, again } = result
  const typed = { text: draft.field('text'), alt: draft.field('alt'), error: sentence(errors, draft) }
  // When it may have been saved after all, the same key makes sure that it is saved once.
  const key = draft.field(FORM_KEY_FIELD)
  const visit = again && isFormKey(key) ? { ...call.visit, formKey: key } : call.visit
  return showHome({ ...call, visit }, typed, { status, headers })
})

function sentence(errors: FormErrors, { image, fields }: Draft): string {
  const [first = ''] = Object.values(inWords(errors))
  const text = errors.text ? `A post ${errors.text}.` : first
  // A browser does not send the same file again by itself.
  return image !== null || fields.has('alt') ? `${text} Choose the photo again.` : text
}
