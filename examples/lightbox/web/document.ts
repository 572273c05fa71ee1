import { html, raw } from 'hono/html'
import { attributes, type Html, words } from './html.ts'
import { icon, iconShapes } from './icons.ts'
import { noticeText } from './notices.ts'
import { paths } from './paths.ts'
import { THEMES } from './theme.ts'
import type { Visit } from './visit.ts'

export interface PageContent {
  /** Of the window; the name of the site is added. */
  readonly title: string
  readonly description?: string
  readonly body: Html
  /** Whether the page is of a kind that search engines should not list. */
  readonly unlisted?: boolean
  /** Without scripts the page is loaded again after so long, because something on it is about to change. */
  readonly refreshSeconds?: number
}

/** Small, cached for good, and fetched side by side. */
const SHEETS = ['base.css', 'posts.css', 'photos.css', 'forms.css']
const DESCRIPTION = 'Lightbox: a quiet place to share what you see.'

/** A whole page. */
export function page(visit: Visit, content: PageContent): Html {
  const theme = attributes({ lang: visit.locale, 'data-theme': visit.theme })
  return html`<!doctype html>
<html${theme}>
<head>
<meta charset="utf-8">
<title>${content.title} · Lightbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="description" content="${content.description ?? DESCRIPTION}">
<meta name="theme-color" content="#fbfaf7" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#141312" media="(prefers-color-scheme: dark)">
${content.unlisted ? raw('<meta name="robots" content="noindex">\n') : ''}${content.refreshSeconds ? html`<noscript><meta http-equiv="refresh" content="${content.refreshSeconds}"></noscript>\n` : ''}<link rel="icon" href="${visit.asset('favicon.svg')}" type="image/svg+xml">
${SHEETS.map((sheet) => html`<link rel="stylesheet" href="${visit.asset(sheet)}">\n`)}<script type="module" src="${visit.asset('app.js')}"></script>
${visit.me ? html`<script type="module" src="${visit.asset('editor.js')}"></script>` : ''}
</head>
<body${attributes({ class: words(visit.me && 'member') })}>
<a class="skip" href="#main">Skip to content</a>
${iconShapes}
${top(visit)}
<main id="main" class="band" tabindex="-1">
${notice(visit)}
${content.body}
</main>
${bottom(visit)}
</body>
</html>`
}

function top(visit: Visit): Html {
  return html`<header class="top"><div class="band">
<a class="brand" href="/"${current(visit, paths.home)}>${mark}<span>Lightbox</span></a>
${visit.me ? memberMenu(visit, visit.me.handle) : guestMenu(visit)}
</div></header>`
}

const mark = raw(
  '<svg viewBox="0 0 32 32" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="2.5" stroke-linejoin="round"><rect x="3" y="6" width="26" height="20" rx="3.5"/><path d="m5 23 7-8 5 5 3-3 6.5 6.5"/></g><circle cx="21" cy="11.5" r="2.1" fill="currentColor"/></svg>',
)

function memberMenu(visit: Visit, handle: string): Html {
  const entry = (path: string, name: Parameters<typeof icon>[0], text: string): Html =>
    html`<a href="${path}"${current(visit, path)}>${icon(name)}<span>${text}</span></a>`
  return html`<nav class="menu" aria-label="Main">
${entry(paths.home, 'home', 'Home')}
<a href="/#write">${icon('write')}<span>Write</span></a>
${entry(paths.person(handle), 'person', 'You')}
${entry(paths.settings, 'settings', 'Settings')}
</nav>
<form class="leave" method="post" action="${paths.logOut}"><button class="plain">${icon('leave')}<span>Log out</span></button></form>`
}

function guestMenu(visit: Visit): Html {
  return html`<nav class="menu" aria-label="Main">
<a href="${paths.logIn}"${current(visit, paths.logIn)}>Log in</a>
<a class="button small" href="${paths.signUp}"${current(visit, paths.signUp)}>Sign up</a>
</nav>`
}

function current(visit: Visit, path: string): Html[] {
  return attributes({ 'aria-current': visit.here.split(/[?#]/)[0] === path ? 'page' : null })
}

function notice(visit: Visit): Html | string {
  if (!visit.notice) return ''
  return html`<p class="notice" role="status">${icon('check')}${noticeText(visit.notice)}</p>`
}

function bottom(visit: Visit): Html {
  const choice = (value: string, text: string): Html =>
    html`<button class="plain" name="theme" value="${value}" aria-pressed="${String((visit.theme ?? 'auto') === value)}">${text}</button>`
  return html`<footer class="bottom"><div class="band">
<p>Lightbox, the reference app of Tenfold. <a href="/openapi.json">API</a></p>
<form class="themes" method="post" action="${paths.theme}"><div role="group" aria-label="Appearance">
<input type="hidden" name="back" value="${visit.here}">
${choice('auto', 'Auto')}${THEMES.map((theme) => choice(theme, theme === 'light' ? 'Light' : 'Dark'))}
</div></form>
</div></footer>`
}
