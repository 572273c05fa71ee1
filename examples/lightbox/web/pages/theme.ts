import { readForm } from '../form.ts'
import { localPath, paths } from '../paths.ts'
import { cookie } from '../respond.ts'
import { THEME_COOKIE, THEME_COOKIE_SECONDS, themeOf } from '../theme.ts'
import type { Handler } from './call.ts'

/** Light, dark, or as the device is set. */
export const chooseTheme: Handler = async ({ request }) => {
  const form = await readForm(request)
  const theme = themeOf(form.text('theme'))
  const chosen = theme ? cookie(THEME_COOKIE, theme, THEME_COOKIE_SECONDS) : cookie(THEME_COOKIE, '', 0)
  const location = localPath(form.text('back'), paths.home)
  return new Response(null, {
    status: 303,
    headers: { location, 'cache-control': 'no-store', 'set-cookie': chosen },
  })
}
