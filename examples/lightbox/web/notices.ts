const NOTICES = {
  welcome: 'Welcome to Lightbox. Write your first post, or find people to follow.',
  back: 'Good to see you again.',
  left: 'You are logged out.',
  posted: 'Your post is there for everyone to see.',
  deleted: 'Your photo is deleted.',
  saved: 'Your profile is saved.',
} as const

/** What may be told on the page after a redirect. Only these: the cookie that carries it is not secret. */
export type Notice = keyof typeof NOTICES

export const NOTICE_COOKIE = 'lightbox_notice'
export const NOTICE_COOKIE_SECONDS = 60

export function noticeOf(value: string | undefined): Notice | null {
  return value !== undefined && Object.hasOwn(NOTICES, value) ? (value as Notice) : null
}

export function noticeText(notice: Notice): string {
  return NOTICES[notice]
}
