import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { DESKTOP, keepPicture, PHONE, Studio, signUp } from './visitor.ts'

let studio: Studio
before(async () => {
  studio = await Studio.open({ clusters: 2, photos: false })
})
after(() => studio?.[Symbol.asyncDispose]())

for (const [device, viewport, scripts] of [
  ['phone', PHONE, false],
  ['desktop', DESKTOP, true],
] as const) {
  test(`a post comes into a follower's feed: ${device}, ${scripts ? 'with' : 'without'} scripts`, async () => {
    const [ann, bob] = [
      await studio.visitor({ viewport, scripts }),
      await studio.visitor({ viewport, scripts }),
    ]
    await signUp(ann.page, `ann_${device}`, 'Ann', 'Author')
    await signUp(bob.page, `bob_${device}`, 'Bob', 'Reader')
    await bob.page.getByText('Follow people whose eye you trust').waitFor()
    await bob.page.getByRole('heading', { name: 'New on Lightbox' }).waitFor()
    await keepPicture(bob.page, `${device}-feed-empty`)

    await write(ann.page, 'Before anybody followed.')
    await bob.page.goto(`/@ann_${device}`)
    await bob.page.getByRole('button', { name: 'Follow Ann Author', exact: true }).click()
    await bob.page.getByRole('button', { name: 'Unfollow Ann Author' }).waitFor()
    await write(ann.page, 'Ice on the windows, from inside.')
    await shown(bob.page, 'Ice on the windows, from inside.', 1)
    await shown(bob.page, 'Before anybody followed.', 1)
    assert.equal(await bob.page.getByRole('heading', { name: 'New on Lightbox' }).count(), 0)
    await keepPicture(bob.page, `${device}-feed`)

    for (let at = 0; at < 20; at += 1) {
      const answer = await ann.context.request.post('/api/posts', { data: { text: `Number ${at}.` } })
      assert.equal(answer.status(), 201)
    }
    await shown(bob.page, 'Number 19.', 1)
    await shown(bob.page, 'Number 0.', 1)
    await bob.page.getByRole('link', { name: 'Older posts' }).click()
    await bob.page.getByRole('heading', { level: 2, name: 'Older posts' }).waitFor()
    const older = await bob.page.locator('.posts .words').allTextContents()
    assert.deepEqual(older, ['Ice on the windows, from inside.', 'Before anybody followed.'])

    if (scripts) await hinted(bob.page, () => write(ann.page, 'And one more.'))
    await bob.page.goto(`/@ann_${device}`)
    await bob.page.getByRole('button', { name: 'Unfollow Ann Author' }).click()
    await bob.page.getByRole('button', { name: 'Follow Ann Author', exact: true }).waitFor()
    await bob.page.goto('/')
    await bob.page.getByText('Follow people whose eye you trust').waitFor()
    assert.deepEqual([...ann.complaints, ...bob.complaints], [])
    await ann.context.close()
    await bob.context.close()
  })
}

async function write(page: Page, text: string): Promise<void> {
  await page.goto('/')
  await page.getByLabel('What did you see today?').fill(text)
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()
}

/** Looks at the first page of the feed until the post has come, as people do. */
async function shown(page: Page, text: string, times: number): Promise<void> {
  const words = page.getByRole('region', { name: 'Your feed' }).getByText(text, { exact: true })
  const end = performance.now() + 60_000
  do await page.goto('/')
  while ((await words.count()) !== times && performance.now() < end)
  assert.equal(await words.count(), times, text)
}

/** The page says by itself that there are newer posts, when somebody comes back to it. */
async function hinted(page: Page, act: () => Promise<void>): Promise<void> {
  await page.goto('/')
  const link = page.getByRole('link', { name: 'There are new posts' })
  assert.equal(await link.count(), 0)
  await act()
  const end = performance.now() + 60_000
  do await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
  while ((await link.count()) === 0 && performance.now() < end)
  await link.click()
  await page.getByRole('region', { name: 'Your feed' }).getByText('And one more.', { exact: true }).waitFor()
}
