import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { startTest, type TestFault } from 'tenfold/test'
import lightbox from '../app.ts'
import { seedCommunity } from '../seed/community.ts'

export const PASSWORD = 'a roll of thirty-six'
/** Bounds a wait for something that never comes; no test waits that long when all is well. */
const TIMEOUT_MS = 15_000

export const PHONE = { width: 390, height: 844 }
export const DESKTOP = { width: 1280, height: 800 }

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface VisitorOptions {
  readonly viewport?: { width: number; height: number }
  readonly scripts?: boolean
  readonly colorScheme?: 'light' | 'dark'
  /** Lets a test put a script of its own into the page, which the policy forbids otherwise. */
  readonly bypassPolicy?: boolean
}

/** Someone with a browser and cookies of their own. */
export interface Visitor {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser complained about: violations of the policy, errors of scripts, files that are missing. */
  readonly complaints: string[]
}

/** For tests that look at no picture of the community: nothing is painted beside them. */
const unillustrated: typeof lightbox = {
  ...lightbox,
  options: { ...lightbox.options, seed: (system) => seedCommunity(system, { photos: false }) },
}

/** Lightbox with its small community, and a browser to look at it. */
export class Studio implements AsyncDisposable {
  readonly url: string
  readonly fault: TestFault
  readonly #browser: Browser
  readonly #stop: () => Promise<void>

  private constructor(url: string, browser: Browser, app: { fault: TestFault; stop(): Promise<void> }) {
    this.url = url
    this.fault = app.fault
    this.#browser = browser
    this.#stop = () => app.stop()
  }

  static async open({
    clusters = 1,
    seed = true,
    photos = true,
  }: {
    clusters?: 1 | 2
    seed?: boolean
    photos?: boolean
  } = {}): Promise<Studio> {
    const app = await startTest(photos ? lightbox : unillustrated, {
      clusters,
      seed,
      config: { runJobs: true },
    })
    try {
      const url = await app.listen()
      const executablePath = process.env.CHROME_PATH ?? '/usr/bin/chromium'
      const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
      return new Studio(url, browser, app)
    } catch (error) {
      await app.stop()
      throw error
    }
  }

  async visitor(options: VisitorOptions = {}): Promise<Visitor> {
    const context = await this.#browser.newContext({
      baseURL: this.url,
      viewport: options.viewport ?? DESKTOP,
      javaScriptEnabled: options.scripts ?? true,
      colorScheme: options.colorScheme ?? 'light',
      bypassCSP: options.bypassPolicy ?? false,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'Europe/London',
    })
    context.setDefaultTimeout(TIMEOUT_MS)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText
      // A page that is left while something loads.
      if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`)
    })
    return { page, context, complaints }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#browser.close()
    } finally {
      await this.#stop()
    }
  }
}

/** Fills in and sends the form at /signup. */
export async function signUp(
  page: Page,
  handle: string,
  firstName = 'Ada',
  lastName = 'Byron',
): Promise<void> {
  await page.goto('/signup')
  await page.getByLabel('First name').fill(firstName)
  await page.getByLabel('Last name').fill(lastName)
  await page.getByLabel('Handle').fill(handle)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('main').getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('status').filter({ hasText: 'Welcome' }).waitFor()
}

/** Keeps a picture in the folder that `TENFOLD_SCREENSHOTS` names; nothing without it. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env.TENFOLD_SCREENSHOTS
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
