import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { picture } from '../darkroom/fixtures/images.ts'
import { DESKTOP, keepPicture, PHONE, Studio, signUp } from './visitor.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let studio: Studio
before(async () => {
  studio = await Studio.open({ clusters: 2, seed: false })
})
after(() => studio?.[Symbol.asyncDispose]())

const file = async (name: string, kind: 'jpeg' | 'gif' = 'jpeg') => ({
  name,
  mimeType: 'image/jpeg',
  buffer: await picture(1200, 800)[kind]().toBuffer(),
})

/** The edits of the photo on the page, as the API tells them to its owner. */
async function editsOf(
  page: Page,
): Promise<{ crop?: Record<string, number>; sharpen?: number; blur?: number }> {
  const id = (await page.locator('figure.photo').first().getAttribute('data-part'))?.slice('photo-'.length)
  const answer = await page.context().request.get(`/api/photos/${id}`)
  return ((await answer.json()) as { edits: Awaited<ReturnType<typeof editsOf>> }).edits
}

/** The photo of the first post, when it is there; its box in the page. */
async function shownPhoto(page: Page, alt: string) {
  const image = page.locator(`figure.photo img[alt="${alt}"]`).first()
  await image.waitFor()
  await image.scrollIntoViewIfNeeded()
  await image.evaluate((img) => (img as unknown as { decode(): Promise<void> }).decode())
  const { width = 0, height = 0 } = (await image.boundingBox()) ?? {}
  const sources = await page
    .locator('figure.photo')
    .first()
    .locator('source')
    .evaluateAll((all) => all.map((source) => source.getAttribute('type')))
  assert.deepEqual(sources, ['image/avif', 'image/webp'])
  const loaded = await image.evaluate((img) => (img as unknown as { currentSrc: string }).currentSrc)
  return { ratio: width / height, loaded }
}

/** Drags the middle of something by so many pixels. */
async function drag(page: Page, selector: string, dx: number, dy: number): Promise<void> {
  const handle = page.locator(selector)
  await handle.scrollIntoViewIfNeeded()
  const box = await handle.boundingBox()
  assert.ok(box)
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x + dx, y + dy, { steps: 4 })
  await page.mouse.up()
}

for (const [device, viewport] of [
  ['phone', PHONE],
  ['desktop', DESKTOP],
] as const) {
  test(`a photo from the file to a follower's feed: ${device}`, async () => {
    const [ann, bob] = [await studio.visitor({ viewport }), await studio.visitor({ viewport })]
    const page = ann.page
    await signUp(page, `ann_${device}`, 'Ann', 'Author')
    await signUp(bob.page, `bob_${device}`, 'Bob', 'Reader')
    await bob.page.goto(`/@ann_${device}`)
    await bob.page.getByRole('button', { name: 'Follow Ann Author', exact: true }).click()
    await bob.page.getByRole('button', { name: 'Unfollow Ann Author' }).waitFor()

    await page.setInputFiles('input[type=file]', await file('IMG_0001.JPG'))
    await page.getByAltText('The photo you chose').waitFor()
    await page.getByRole('button', { name: '4:5' }).click()
    await drag(page, '.handle.move', 40, 0)
    await page.getByLabel('Sharpen').fill('30')
    await page.getByLabel('Blur').fill('20')
    await page.getByLabel('Describe the photo').fill('Red beside blue')
    await page.getByLabel('What did you see today?').fill('Two colours.')
    await keepPicture(page, `${device}-photo-chosen`)
    await page.getByRole('button', { name: 'Post', exact: true }).click()
    await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()

    const mine = await shownPhoto(page, 'Red beside blue')
    assert.ok(Math.abs(mine.ratio - 0.8) < 0.02, `4:5 is ${mine.ratio}`)
    assert.match(mine.loaded, /\.avif$/)
    await keepPicture(page, `${device}-photo-posted`)
    const { crop, sharpen, blur } = await editsOf(page)
    assert.ok(crop && (crop.x ?? 0) > 0.25 && crop.height === 1)
    assert.deepEqual([sharpen, blur], [0.3, 0.2])

    await bob.page.goto('/')
    const theirs = await shownPhoto(bob.page, 'Red beside blue')
    assert.equal(theirs.loaded, mine.loaded)
    assert.equal(await bob.page.getByRole('link', { name: 'Edit photo' }).count(), 0)
    await keepPicture(bob.page, `${device}-photo-feed`)

    await editAgain(page)
    await bob.page.reload()
    assert.ok(Math.abs((await shownPhoto(bob.page, 'Red beside blue')).ratio - 1) < 0.02)
    assert.deepEqual([...ann.complaints, ...bob.complaints], [])
    await ann.context.close()
    await bob.context.close()
  })
}

/** To a square, whose corner is then moved by keys; and watches it become ready. */
async function editAgain(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Edit photo' }).first().click()
  await page.waitForURL('**/photos/*')
  await page.getByAltText('The whole photo').waitFor()
  await page.getByRole('button', { name: 'Square' }).click()
  const corner = page.getByRole('button', { name: 'Bottom right corner of the crop' })
  await corner.focus()
  for (const _ of [1, 2, 3]) await page.keyboard.press('Shift+ArrowLeft')
  await page.getByLabel('Blur').fill('0')
  await keepPicture(page, `${page.viewportSize()?.width}-photo-edit`)
  const before = await page.locator('figure.photo img').first().getAttribute('src')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator(`figure.photo img:not([src="${before}"])`).first().waitFor()
  const { crop, blur } = await editsOf(page)
  assert.equal(blur, undefined)
  assert.ok(crop && Math.abs((crop.width ?? 0) * 1.5 - (crop.height ?? 0)) < 0.01, 'still a square')
  assert.ok(Math.abs((crop.width ?? 0) - (2 / 3 - 0.3)) < 0.01)
}

test('without scripts: by numbers, and the page looks again by itself', async () => {
  const { page, complaints, context } = await studio.visitor({ viewport: PHONE, scripts: false })
  await signUp(page, 'nina')
  await page.setInputFiles('input[type=file]', await file('a.jpg'))
  await page.getByText('Crop, sharpen, blur, describe').click()
  await page.getByText('Crop by numbers').click()
  await page.getByLabel('Left').fill('50')
  await page.getByLabel('Width').fill('50')
  await page.getByLabel('Describe the photo').fill('Blue')
  await keepPicture(page, 'phone-noscript-photo')
  // No words: the photo is enough.
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()
  await page.locator('.byline time').first().click()
  await page.waitForURL('**/posts/*')
  const { ratio } = await shownPhoto(page, 'Blue')
  assert.ok(Math.abs(ratio - 0.75) < 0.01)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('what is no photo is refused in words, and nothing that was typed is lost', async () => {
  const { page, context } = await studio.visitor({ viewport: PHONE })
  await signUp(page, 'olga')
  // A browser shows a GIF, so only the server can tell.
  await page.setInputFiles('input[type=file]', await file('a.jpg', 'gif'))
  await page.getByLabel('What did you see today?').fill('Keep these words.')
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByRole('alert').filter({ hasText: 'This is not a picture that can be read here.' }).waitFor()
  assert.equal((await page.getByLabel('What did you see today?').inputValue()).trim(), 'Keep these words.')
  await page.setInputFiles('input[type=file]', {
    name: 'a.jpg',
    mimeType: 'image/jpeg',
    buffer: Buffer.from('no picture'),
  })
  await page.getByRole('alert').filter({ hasText: 'not a picture that can be shown' }).waitFor()
  await context.close()
})

test('a photo that cannot be made says why, and stays as long as a post shows it', async () => {
  const { page, context } = await studio.visitor({ viewport: PHONE, scripts: false })
  await signUp(page, 'petra')
  const { buffer } = await file('a.jpg')
  await page.setInputFiles('input[type=file]', {
    name: 'a.jpg',
    mimeType: 'image/jpeg',
    buffer: buffer.subarray(0, 4000),
  })
  await page.getByLabel('What did you see today?').fill('Half a photo.')
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.locator('.byline time').first().click()
  await page.getByText('The picture is damaged or incomplete.').waitFor()
  await keepPicture(page, 'phone-photo-failed')
  await page.getByRole('link', { name: 'Edit or try again' }).click()
  await page.getByRole('button', { name: 'Delete photo' }).click()
  await page.getByRole('alert').filter({ hasText: 'A post shows this photo.' }).waitFor()
  await context.close()
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`composer and editor are accessible: ${colorScheme}`, async () => {
    const { page, context } = await studio.visitor({ viewport: PHONE, colorScheme, bypassPolicy: true })
    const check = async (what: string): Promise<void> => {
      await page.evaluate(AXE)
      const found = (await page.evaluate('axe.run()')) as {
        violations: { id: string; nodes: { html: string }[] }[]
      }
      assert.deepEqual(
        found.violations.map(({ id, nodes }) => `${what}: ${id} ${nodes[0]?.html}`),
        [],
      )
    }
    await signUp(page, `axe_${colorScheme}`)
    await page.setInputFiles('input[type=file]', await file('a.jpg'))
    await page.getByAltText('The photo you chose').waitFor()
    await page.getByText('Crop by numbers').click()
    await check('composer')
    assert.equal(
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      0,
    )
    await keepPicture(page, `phone-${colorScheme}-composer`)
    await page.getByRole('button', { name: 'Post', exact: true }).click()
    await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()
    await check('processing')
    await page.getByRole('link', { name: 'Edit photo' }).click()
    await page.getByAltText('The whole photo').waitFor()
    await check('edit')
    await keepPicture(page, `phone-${colorScheme}-edit`)
    await context.close()
  })
}
