import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { PASSWORD, Studio, signUp } from './visitor.ts'

const EVIL = `"><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'`

let studio: Studio
before(async () => {
  studio = await Studio.open({ photos: false })
})
after(() => studio?.[Symbol.asyncDispose]())

test('what people write is shown as text, everywhere', async () => {
  const { page, context, complaints } = await studio.visitor()
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`))
  await signUp(page, 'mallory', EVIL, EVIL)
  await context.request.patch('/api/me', {
    data: { address: { streetAddress: EVIL, city: EVIL, state: EVIL, postalCode: EVIL } },
  })
  await page.goto('/')
  await page
    .getByLabel('What did you see today?')
    .fill(`${EVIL} javascript:alert(1) https://x.example/${EVIL}`)
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByText('javascript:alert(1)').first().waitFor()
  const post = await page.getByRole('link', { name: 'just now' }).first().getAttribute('href')
  for (const path of [
    '/',
    '/@mallory',
    post!,
    '/settings',
    `/${encodeURIComponent(EVIL)}`,
    `/login?next=${EVIL}`,
  ]) {
    await page.goto(path)
    assert.equal(await page.evaluate('typeof hacked'), 'undefined', path)
    assert.equal(await page.locator('main script, main img[src="x"]').count(), 0, path)
  }
  await page.goto('/@mallory')
  await page.getByRole('heading', { level: 1 }).filter({ hasText: EVIL }).waitFor()
  assert.deepEqual(
    complaints.filter((text) => !text.includes('status of 404')),
    [],
  )
  await context.close()
})

test('the policy stops a script that got into a page all the same', async () => {
  const { page, context, complaints } = await studio.visitor()
  await page.goto('/')
  await page.evaluate(`{
    const script = document.createElement('script')
    script.textContent = 'window.hacked = 1'
    document.body.append(script)
  }`)
  assert.equal(await page.evaluate('typeof hacked'), 'undefined')
  assert.match(complaints.join(), /Content Security Policy/)
  await context.close()
})

const composerOf = async (page: Page): Promise<string> =>
  (await page.locator('.composer input[type="hidden"]').getAttribute('value'))!

const posts = async (context: BrowserContext, handle: string): Promise<string[]> => {
  const { id } = await (await context.request.get('/api/me')).json()
  const list = await (await context.request.get(`/api/users/${id}/posts`)).json()
  assert.equal((await (await context.request.get('/api/me')).json()).counts.posts, list.posts.length, handle)
  return list.posts.map(({ text }: { text: string }) => text).sort()
}

test('a form that is sent twice is applied once; something else typed is something else', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'twice')
  const _idempotency_key = await composerOf(page)
  const send = (text: string) =>
    context.request.post('/posts', { form: { text, _idempotency_key }, maxRedirects: 0 })
  const answers = await Promise.all(['fog', 'fog', 'fog'].map(send))
  assert.deepEqual(
    answers.map((answer) => [answer.status(), answer.headers().location]),
    Array(3).fill([303, '/']),
  )
  await send('fog')
  assert.deepEqual(await posts(context, 'twice'), ['fog'])
  await send('rain')
  assert.deepEqual(await posts(context, 'twice'), ['fog', 'rain'])
  await page.goto('/')
  assert.notEqual(await composerOf(page), _idempotency_key)
  await context.close()
})

test('a sign-up that is sent twice makes one account', async () => {
  const { page, context } = await studio.visitor()
  await page.goto('/signup')
  const key = await page.locator('input[name="_idempotency_key"]').getAttribute('value')
  const form = {
    firstName: 'A',
    lastName: 'B',
    handle: 'doubled',
    password: PASSWORD,
    _idempotency_key: key!,
  }
  const answers = await Promise.all(
    [1, 2].map(() => context.request.post('/signup', { form, maxRedirects: 0 })),
  )
  for (const answer of answers) assert.equal(answer.status(), 303)
  await page.goto('/@doubled')
  await page.getByRole('link', { name: 'Edit profile' }).waitFor()
  await context.close()
})

test('errors of a form are tied to their fields, and nothing that was typed is lost', async () => {
  const { page, context } = await studio.visitor()
  await page.goto('/signup')
  await page.getByLabel('First name').fill('Jo')
  await page.getByLabel('Last name').fill('Smythe')
  await page.getByLabel('Handle').fill('@John')
  await page.getByLabel('Password').fill(PASSWORD)
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.getByRole('main').getByRole('button', { name: 'Sign up' }).click()
  assert.equal((await answered).status(), 409)
  const handle = page.getByLabel('Handle')
  await page.getByRole('alert').getByRole('link', { name: 'The handle john is taken.' }).waitFor()
  assert.equal(await handle.getAttribute('aria-invalid'), 'true')
  const described = (await handle.getAttribute('aria-describedby'))!.split(' ')
  assert.equal(await page.locator(`#${described.at(-1)}`).textContent(), 'The handle john is taken.')
  assert.equal(await page.getByLabel('First name').inputValue(), 'Jo')
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  assert.equal(await page.evaluate('document.activeElement.id'), await handle.getAttribute('id'))
  assert.match(await page.title(), /^Error: /)
  await context.close()
})

test('a post that is too long comes back as it was typed', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'longwinded')
  const text = `\n${'a'.repeat(2001)}`
  const area = page.getByLabel('What did you see today?')
  await area.fill(text)
  await page.getByText('1 too many').waitFor()
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.getByRole('alert').filter({ hasText: 'must have at most 2000 characters' }).waitFor()
  assert.equal(await area.inputValue(), text)
  assert.deepEqual(await posts(context, 'longwinded'), [])
  await context.close()
})

test('too many attempts: told when to try again', async () => {
  const { page, context } = await studio.visitor()
  const attempt = () => context.request.post('/login', { form: { handle: 'john', password: 'wrong' } })
  for (let at = 0; at < 10; at += 1) assert.equal((await attempt()).status(), 422)
  const refused = await attempt()
  assert.equal(refused.status(), 429)
  assert.ok(Number(refused.headers()['retry-after']) > 0)
  await page.setContent(await refused.text())
  await page
    .getByText(/tried too often .* Try again in \d+ s\./)
    .first()
    .waitFor()
  await context.close()
})

test('pages that are not there say so, in style', async () => {
  const { page, context } = await studio.visitor()
  const id = '01890000-0000-7000-8000-000000000000'
  for (const path of ['/nothing', '/@nobody_here', '/posts/x', `/posts/${id}`, '/people/999999', '/@a/b']) {
    assert.equal((await page.goto(path))!.status(), 404, path)
    await page.getByRole('heading', { level: 1, name: 'Nothing in this frame' }).waitFor()
  }
  assert.equal((await page.goto('/?before=nonsense'))!.status(), 400)
  assert.equal((await page.goto('/@john?before=nonsense'))!.status(), 400)
  await page.getByRole('link', { name: 'Go to the start' }).waitFor()
  await context.close()
})

test('a form of another site is refused', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'careful')
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
    const answer = await context.request.post('/posts', { form: { text: 'bought' }, headers })
    assert.equal(answer.status(), 403)
  }
  assert.deepEqual(await posts(context, 'careful'), [])
  await context.close()
})

test('"next" leads to this site only', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'homely')
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.goto('/login?next=//evil.example/x')
  await page.getByLabel('Handle').fill('homely')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('status').filter({ hasText: 'Good to see you again' }).waitFor()
  assert.equal(page.url(), `${studio.url}/`)
  await context.close()
})

test('pages of members are kept by nobody', async () => {
  const { page, context } = await studio.visitor()
  const policy = (await page.goto('/'))!.headers()
  assert.match(policy['content-security-policy']!, /^default-src 'none'; script-src 'self'; style-src 'self'/)
  assert.doesNotMatch(policy['content-security-policy']!, /unsafe|data:|\*/)
  assert.equal(policy['cache-control'], 'no-cache')
  assert.equal(policy.vary, 'Cookie, Accept-Language')
  await signUp(page, 'private_person')
  for (const path of ['/', '/@john', '/settings'])
    assert.equal((await page.goto(path))!.headers()['cache-control'], 'private, no-store', path)
  await context.close()
})

test('older posts are a page further, and the back button returns', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'prolific')
  for (let at = 1; at <= 23; at += 1)
    await context.request.post('/api/posts', { data: { text: `Frame ${at}` } })
  await page.goto('/@prolific')
  const frames = page.getByRole('article')
  assert.equal(await frames.count(), 20)
  await page.getByRole('link', { name: 'Older posts' }).click()
  await page.getByText('Frame 3', { exact: true }).waitFor()
  assert.equal(await frames.count(), 3)
  assert.equal(await page.getByRole('link', { name: 'Older posts' }).count(), 0)
  await page.goBack()
  await page.getByText('Frame 23', { exact: true }).waitFor()
  assert.equal(await frames.count(), 20)
  await page.goForward()
  await page.getByRole('link', { name: 'Newest posts' }).click()
  await page.getByText('Frame 23', { exact: true }).waitFor()
  await context.close()
})

test('while the database is away a form fails, and reloading sends it once', async () => {
  const { page, context } = await studio.visitor()
  await signUp(page, 'patient')
  await page.getByLabel('What did you see today?').fill('Fog, twice')
  {
    await using _outage = await studio.fault.outage()
    const answered = page.waitForResponse((response) => response.request().method() === 'POST')
    const looked = context.request.get('/@john')
    await page.getByRole('button', { name: 'Post', exact: true }).click()
    assert.equal((await answered).status(), 503)
    assert.equal((await looked).status(), 503)
    assert.ok(Number((await looked).headers()['retry-after']) > 0)
    assert.match(await (await looked).text(), /<h1>Back in a moment<\/h1>/)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  await page.reload()
  await page.getByRole('status').filter({ hasText: 'Your post is there' }).waitFor()
  assert.deepEqual(await posts(context, 'patient'), ['Fog, twice'])
  await context.close()
})
