import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { DESKTOP, keepPicture, PASSWORD, PHONE, Studio, signUp, type Visitor } from './visitor.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const SMALL = { width: 320, height: 640 }

interface Found {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[]
}

let studio: Studio
before(async () => {
  studio = await Studio.open()
})
after(() => studio?.[Symbol.asyncDispose]())

/** For everyone. */
const PAGES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  home: (page) => page.goto('/'),
  older: async (page) => {
    await page.goto('/')
    await page.getByRole('link', { name: 'Older posts' }).click()
    await page.getByRole('heading', { name: 'Older posts' }).waitFor()
  },
  profile: (page) => page.goto('/@john'),
  post: async (page) => {
    await page.goto('/@john')
    await page.locator('.byline time').first().click()
    await page.waitForURL('**/posts/*')
  },
  missing: (page) => page.goto('/nothing'),
}

/** For those who are not logged in. */
const FORMS: typeof PAGES = {
  'sign-up': (page) => page.goto('/signup'),
  'log-in-error': async (page) => {
    await page.goto('/login')
    await page.getByLabel('Handle').fill('nobody_known')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('alert').waitFor()
  },
}

/** For members: with buttons where others have links, and pages of their own. */
const OWN: typeof PAGES = {
  home: (page) => page.goto('/'),
  profile: (page) => page.goto('/@john'),
  settings: (page) => page.goto('/settings'),
  'settings-error': async (page) => {
    await page.goto('/settings')
    await page.getByRole('button', { name: 'Add a number' }).click()
    await page.getByLabel('Phone number 1', { exact: true }).fill('no number')
    await page.getByRole('button', { name: 'Save' }).last().click()
    await page.getByRole('alert').waitFor()
  },
  'own-profile': async (page) => {
    await page.goto('/')
    await page.getByRole('link', { name: 'You', exact: true }).click()
    await page.getByRole('link', { name: 'Edit profile' }).waitFor()
  },
}

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)) as Found
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n${html}\n${failureSummary ?? ''}`),
  )
}

/** How far the page is wider than its window, in pixels. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

async function look(visitor: Visitor, pages: typeof PAGES, label: string): Promise<void> {
  const { page } = visitor
  for (const [name, open] of Object.entries(pages)) {
    await open(page)
    assert.deepEqual(await findings(page), [], `${label} ${name}`)
    assert.equal(await overflow(page), 0, `${label} ${name} is wider than its window`)
    await keepPicture(page, `${label}-${name}`)
  }
}

// Colours do not depend on the size, nor sizes on the colours: not every pair has to be looked at.
for (const [device, viewport, colorScheme] of [
  ['desktop', DESKTOP, 'light'],
  ['phone', PHONE, 'dark'],
  ['small', SMALL, 'light'],
] as const) {
  const skip = device === 'small' && !LONG && 'in the long form'
  test(`nothing stands in anyone's way: ${device}, ${colorScheme}`, { skip }, async () => {
    const visitor = await studio.visitor({ viewport, colorScheme, bypassPolicy: true })
    await look(visitor, { ...PAGES, ...FORMS }, `${device}-${colorScheme}-guest`)
    await signUp(visitor.page, `reader_${device}`)
    await look(visitor, OWN, `${device}-${colorScheme}-member`)
    await visitor.context.close()
  })
}

/** The label or the text of what has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(
    '(({ labels, textContent }) => (labels?.[0]?.textContent ?? textContent).trim())(document.activeElement)',
  )

async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = []
  while (passed.length < 20) {
    await page.keyboard.press('Tab')
    const now = await focused(page)
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    assert.notEqual(outline, 'none', `${now}: the focus is seen`)
    if (now === name) return
    passed.push(now)
  }
  assert.fail(`${name} is not reached by Tab: ${passed.join(', ')}`)
}

test('signing up with the keyboard alone', async () => {
  const { page, context } = await studio.visitor()
  await page.goto('/')
  await page.keyboard.press('Tab')
  assert.equal(await focused(page), 'Skip to content')
  await tabTo(page, 'Sign up')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/signup')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/signup#main')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the skip link skips')
  for (const [name, text] of [
    ['First name', 'Grace'],
    ['Last name', 'Hopper'],
    ['Handle', 'grace'],
    ['Password', PASSWORD],
  ] as const) {
    await tabTo(page, name)
    await page.keyboard.type(text)
  }
  await page.keyboard.press('Enter')
  await page.getByRole('status').filter({ hasText: 'Welcome' }).waitFor()
  await context.close()
})

test('a like keeps the focus where it is', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'steady')
  const like = page.getByRole('button', { name: /^Like this post/ }).first()
  await like.focus()
  await page.keyboard.press('Enter')
  await page.locator('.like:focus[aria-pressed="true"]').waitFor()
  await context.close()
})

test('light or dark can be chosen, and stays chosen, without scripts', async () => {
  const { page, context } = await studio.visitor({ scripts: false, colorScheme: 'light' })
  const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  await page.goto('/@john')
  const light = await paper()
  await page.getByRole('button', { name: 'Dark' }).click()
  await page.locator('html[data-theme="dark"]').waitFor()
  assert.equal(new URL(page.url()).pathname, '/@john')
  const dark = await paper()
  assert.notEqual(dark, light)
  await page.goto('/')
  assert.equal(await paper(), dark)
  await page.getByRole('button', { name: 'Auto' }).click()
  await page.locator('html:not([data-theme])').waitFor()
  assert.equal(await paper(), light)
  await context.close()
})
