// Finds a Chromium for the browser tests, and installs one where that can be done without asking.
import { spawnSync } from 'child_process'
import { existsSync } from 'fs'
import { delimiter, join } from 'path'
import { install, installer } from './apt.js'

/** The one without windows first: the same engine, with less to start and to paint. */
const NAMES = [
  'chromium-headless-shell',
  'chrome-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
]
/** By the first of these that the system has. */
const PACKAGES = ['chromium-headless-shell', 'chromium']
const MAC_PATHS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A file of the right name may be a stub that only asks for a snap, so each candidate has to tell its version. */
function works(path) {
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20000 }).status === 0
}

export function findChromium(env) {
  if (env.CHROME_PATH) return works(env.CHROME_PATH) ? env.CHROME_PATH : undefined
  const folders = (env.PATH || '').split(delimiter).filter(Boolean)
  const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return onPath.concat(MAC_PATHS).find((path) => existsSync(path) && works(path))
}

/** The path of a Chromium that runs, or an error that says how to get one. */
export function ensureChromium(env) {
  const found = findChromium(env)
  if (found) return found
  if (env.CHROME_PATH) {
    throw new Error(`CHROME_PATH is ${env.CHROME_PATH}, which does not run. Correct it or unset it.`)
  }
  const prefix = installer(env)
  if (prefix) {
    process.stderr.write('browser: no Chromium found, installing it with apt-get (once)\n')
    for (const name of PACKAGES) {
      const now = install(prefix, [name]) ? findChromium(env) : undefined
      if (now) return now
    }
  }
  throw new Error(
    [
      'The browser tests need Chromium or Google Chrome, and none was found on PATH.',
      '  Debian, Ubuntu:  sudo apt-get install chromium',
      '  macOS:           brew install --cask chromium',
      '  elsewhere:       set CHROME_PATH to the program',
      'All other tests: npm run test:unit, test:conformance, test:system, test:app',
    ].join('\n'),
  )
}
