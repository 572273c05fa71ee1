import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { DESKTOP, keepPicture, PASSWORD, PHONE, Studio, signUp } from './visitor.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

let studio: Studio
before(async () => {
  studio = await Studio.open({ clusters: 2 })
})
after(() => studio?.[Symbol.asyncDispose]())

for (const [device, viewport] of [
  ['phone', PHONE],
  ['desktop', DESKTOP],
] as const) {
  // A phone with scripts, a desktop without; both with both in the long form.
  for (const scripts of LONG ? [true, false] : [viewport === PHONE]) {
    const name = `${device}${scripts ? '' : '-noscript'}`
    test(`a first day on Lightbox: ${device}, ${scripts ? 'with' : 'without'} scripts`, async () => {
      const { page, complaints, context } = await studio.visitor({ viewport, scripts })
      const handle = `ada_${name.replaceAll('-', '_')}`
      await arrive(page, handle)
      await keepPicture(page, `${name}-welcome`)
      await describeOneself(page, handle)
      await write(page, handle)
      await followAndLike(page, scripts)
      await keepPicture(page, `${name}-profile`)
      await leaveAndReturn(page, handle)
      assert.deepEqual(
        complaints.filter((text) => !text.includes('status of 422')),
        [],
      )
      await context.close()
    })
  }
}

async function arrive(page: Page, handle: string): Promise<void> {
  await page.goto('/')
  await page.getByRole('heading', { level: 1, name: 'Take a closer look.' }).waitFor()
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Sign up' }).click()
  await page.waitForURL('**/signup')
  await signUp(page, handle)
  assert.equal(new URL(page.url()).pathname, '/')
}

async function describeOneself(page: Page, handle: string): Promise<void> {
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByLabel('Street address').fill('12 St James’s Square')
  await page.getByLabel('City').fill('London')
  await page.getByLabel('Postal code').fill('SW1Y 4LB')
  const add = page.getByRole('button', { name: 'Add a number' })
  await add.click()
  await page.getByLabel('Phone number 1', { exact: true }).fill('020 7946 0001')
  await add.click()
  await page.getByLabel('Phone number 2', { exact: true }).fill('020 7946 0002')
  await page.getByRole('button', { name: 'Remove phone number 1' }).click()
  await page.getByLabel('Phone number 2', { exact: true }).waitFor({ state: 'detached' })
  assert.equal(await page.getByLabel('Phone number 1', { exact: true }).inputValue(), '020 7946 0002')
  assert.equal(await page.getByLabel('City').inputValue(), 'London')
  // The key "Enter" saves, although buttons that add and remove rows stand before the one that saves.
  await page.getByLabel('First name').fill('Augusta')
  await page.getByLabel('First name').press('Enter')
  await page.waitForURL(`**/@${handle}`)
  await page.getByRole('status').filter({ hasText: 'saved' }).waitFor()
  await page.getByRole('heading', { level: 1, name: 'Augusta Byron' }).waitFor()
  await page.getByText(`@${handle} · London`).waitFor()
  assert.equal(await page.getByText('020 7946').count(), 0, 'numbers are not on the public page')
  await page.reload()
  assert.equal(await page.getByRole('status').count(), 0, 'a notice is told once')
}

async function write(page: Page, handle: string): Promise<void> {
  await page.getByRole('link', { name: 'Write', exact: true }).click()
  await page
    .getByLabel('What did you see today?')
    .fill(`Fog over the harbour.\nSeen by ${handle} at https://example.org/fog.`)
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()
  const post = page.getByRole('article').filter({ hasText: handle }).first()
  const link = post.getByRole('link', { name: 'example.org/fog', exact: true })
  assert.equal(await link.getAttribute('href'), 'https://example.org/fog')
  assert.equal(await link.getAttribute('rel'), 'nofollow ugc noopener')
  await post.getByRole('link', { name: 'just now' }).click()
  await page.waitForURL('**/posts/*')
  await page.getByRole('heading', { level: 1, name: 'Augusta Byron' }).waitFor()
}

async function followAndLike(page: Page, scripts: boolean): Promise<void> {
  await page.goto('/people/12')
  await page.waitForURL('**/@john')
  const followers = page.locator('[data-part^="followers-"] dd')
  const counted = Number(await followers.textContent())
  const loads = countLoads(page)
  await page.getByRole('button', { name: 'Follow John Smith', exact: true }).click()
  await page.getByRole('button', { name: 'Unfollow John Smith' }).waitFor()
  assert.equal(Number(await followers.textContent()), counted + 1)

  const like = page.locator('[data-part^="like-"]').first()
  const likes = like.locator('.n')
  const before = Number(await likes.textContent())
  for (const pressed of [true, false, true]) {
    await like.getByRole('button').click()
    await like.getByRole('button', { name: /^Like this post by John Smith/, pressed }).waitFor()
    assert.equal(Number(await likes.textContent()), before + Number(pressed))
  }
  assert.equal(loads(), scripts ? 0 : 4, 'with scripts the page stays, without each form loads it')

  await page.goto('/@john')
  await page.getByRole('button', { name: 'Unfollow John Smith' }).waitFor()
  await like.getByRole('button', { pressed: true }).waitFor()
  assert.equal(Number(await likes.textContent()), before + 1)
}

function countLoads(page: Page): () => number {
  let loads = 0
  page.on('domcontentloaded', () => {
    loads += 1
  })
  return () => loads
}

async function leaveAndReturn(page: Page, handle: string): Promise<void> {
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('status').filter({ hasText: 'logged out' }).waitFor()
  await page.goto('/settings')
  await page.waitForURL('**/login?next=%2Fsettings')
  await page.getByLabel('Handle').fill(`@${handle}`)
  await page.getByLabel('Password').fill('something else')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').filter({ hasText: 'The handle or the password is wrong.' }).waitFor()
  assert.equal(await page.getByLabel('Handle').inputValue(), handle)
  assert.equal(await page.getByLabel('Password').inputValue(), '', 'a password never comes back')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL('**/settings')
  assert.equal(await page.getByLabel('City').inputValue(), 'London')
}
