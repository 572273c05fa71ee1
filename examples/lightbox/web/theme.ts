export const THEMES = ['light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export const THEME_COOKIE = 'lightbox_theme'
export const THEME_COOKIE_SECONDS = 365 * 24 * 60 * 60

/** Null for anything that is no theme, which means: as the device is set. */
export function themeOf(value: string | undefined): Theme | null {
  return THEMES.find((theme) => theme === value) ?? null
}
