/** Where the pages are. */
export const paths = {
  home: '/',
  new: '/new',
  signUp: '/signup',
  logIn: '/login',
  logOut: '/logout',
  settings: '/settings',
  theme: '/theme',
  posts: '/posts',
  post: (id: string) => `/posts/${encodeURIComponent(id)}`,
  photo: (id: string) => `/photos/${encodeURIComponent(id)}`,
  photoEdits: (id: string) => `${paths.photo(id)}/edits`,
  photoDelete: (id: string) => `${paths.photo(id)}/delete`,
  photoFigure: (id: string) => `${paths.photo(id)}/figure`,
  photoEvents: (id: string) => `/api${paths.photo(id)}/events`,
  person: (handle: string) => `/@${encodeURIComponent(handle)}`,
  like: (id: string, liked: boolean) => `${paths.post(id)}/${liked ? 'like' : 'unlike'}`,
  follow: (id: string, following: boolean) =>
    `/people/${encodeURIComponent(id)}/${following ? 'follow' : 'unfollow'}`,
  logInFrom: (here: string) => `${paths.logIn}?next=${encodeURIComponent(here)}`,
} as const

const ANYWHERE = 'http://lightbox.invalid'
const PATH_CHARACTERS_MAX = 500

/**
 * A path of this site to go to after a form, or `fallback`: a form and a link are written by anyone, so
 * "next" must not lead to another site.
 */
export function localPath(value: string | undefined, fallback: string): string {
  if (!value?.startsWith('/') || value.length > PATH_CHARACTERS_MAX) return fallback
  const url = URL.parse(value, ANYWHERE)
  // Browsers read "//host", "/\host" and a tab between the slashes as another host; so does this parser.
  if (url?.origin !== ANYWHERE || url.pathname.startsWith('//')) return fallback
  return url.pathname + url.search + url.hash
}
