import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { until, within } from '../kit/deadline.ts'
import { type Place, place, type Running, runs } from './kit.ts'

const READY_MADE = fileURLToPath(new URL('./fixtures/tls/', import.meta.url))

/** Writes `<name>.crt` and `<name>.key` for localhost, self-signed. */
function certificate(dir: string, name: 'one' | 'two'): { cert: string; key: string } {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)]
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost']
  try {
    execFileSync('openssl', [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    for (const path of [cert, key]) copyFileSync(join(READY_MADE, path.slice(dir.length + 1)), path)
  }
  return { cert, key }
}

/** A place whose app begins a session, configured for TLS with the certificate `one`. */
function securePlace(t: TestContext): { here: Place; one: { cert: string; key: string } } {
  const here = place(t)
  const app = join(here.app, 'app.ts')
  const route = `if (pathname === '/session') {
      await system.sessions.begin({ principal: 'ann' })
      return new Response('begun')
    }\n    if (pathname === '/version')`
  writeFileSync(app, readFileSync(app, 'utf8').replace(`if (pathname === '/version')`, route))
  const one = certificate(here.app, 'one')
  const config = { tls: { cert: 'one.crt', key: 'one.key' } }
  writeFileSync(join(here.app, 'tenfold.config.json'), JSON.stringify(config))
  return { here, one }
}

interface Answer {
  readonly name: unknown
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Asks on a new connection, trusting exactly this certificate. */
function ask(system: Running, path: string, ca: Buffer, method = 'GET'): Promise<Answer> {
  const { port } = new URL(system.url)
  const options = {
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    path,
    method,
    ca,
    agent: false as const,
  }
  return new Promise((resolve, reject) => {
    const sent = request(options, async (res) => {
      const name = (res.socket as TLSSocket).getPeerCertificate().subject.CN
      resolve({ name, headers: res.headers, body: Buffer.concat(await res.toArray()).toString() })
    })
    sent.on('error', reject).end()
  })
}

test('TLS by configuration: https, secure cookies, HSTS; SIGHUP renews the certificate', async (t) => {
  const { here, one } = securePlace(t)
  const system = await here.start()
  assert.match(system.url, /^https:/)
  const first = readFileSync(one.cert)
  const version = await ask(system, '/version', first)
  assert.deepEqual([version.name, version.body], ['one', 'one'])
  assert.match(String(version.headers['strict-transport-security']), /max-age=\d{7,}/)
  const begun = await ask(system, '/session', first, 'POST')
  const cookies = (begun.headers['set-cookie'] ?? []).join('\n')
  assert.match(cookies, /^__Host-tenfold-session=\S+;.*Secure/m)
  await assert.rejects(fetch(system.url.replace('https', 'http')), 'no plain HTTP on this port')

  const [web, postgres] = [await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
  const two = certificate(here.app, 'two')
  const second = readFileSync(two.cert)
  renameSync(two.key, one.key)
  process.kill(system.guard.child.pid!, 'SIGHUP')
  await system.guard.shows(/the TLS certificate cannot be renewed, the old one stays/, 'err')
  assert.equal((await ask(system, '/version', first)).name, 'one')
  renameSync(two.cert, one.cert)
  process.kill(system.guard.child.pid!, 'SIGHUP')
  const renewed = await until('the new certificate', () =>
    ask(system, '/version', second).catch(() => undefined),
  )
  assert.equal(renewed.name, 'two')
  assert.deepEqual([await system.pidOf('web-1'), await system.pidOf('c0-pg-1')], [web, postgres])
  assert.equal((await here.run(['stop', '--data', here.data])).code, 0)
})

test('a certificate that cannot be used is refused before anything starts', async (t) => {
  const { here, one } = securePlace(t)
  const two = certificate(here.app, 'two')
  const start = ['start', '--data', here.data, '--port', '0', '--console-port', '0']
  const cases: [env: Record<string, string>, says: RegExp][] = [
    [
      { TENFOLD_TLS_CERT: one.cert, TENFOLD_TLS_KEY: two.key },
      /cannot be used: .*one\.crt.*two\.key.*mismatch/,
    ],
    [{ TENFOLD_TLS_CERT: join(here.app, 'app.ts'), TENFOLD_TLS_KEY: one.key }, /cannot be used: .*app\.ts/],
    [{ TENFOLD_TLS_CERT: one.cert, TENFOLD_TLS_KEY: 'absent.key' }, /absent\.key cannot be read \(ENOENT\)/],
  ]
  for (const [env, says] of cases) {
    const { code, err, out } = await here.run(start, { env })
    assert.deepEqual([code, out], [1, ''], err)
    assert.match(err, says)
    assert.match(err, /\n.*PEM files that belong together.*\n.*TENFOLD_TLS_INVALID/)
    assert.equal(existsSync(join(here.data, 'pg')), false)
  }
})

const SCRIPT = process.platform === 'linux' && existsSync('/usr/bin/script')

test('a terminal that closes stops a system with TLS, too', {
  skip: !SCRIPT && 'needs script(1) of util-linux',
}, async (t) => {
  const { here } = securePlace(t)
  const terminal = here.command(['start', '--data', here.data, '--port', '0', '--console-port', '0'], {
    before: 'set -- /usr/bin/script -qec "$(printf "%s " "$@")" /dev/null',
  })
  await terminal.shows(/is ready at/)
  const { nodes } = JSON.parse((await here.run(['status', '--data', here.data, '--json'])).out) as Awaited<
    ReturnType<Running['status']>
  >
  terminal.child.kill('SIGKILL')
  await within(
    until('the end of all', () => (nodes.some(({ pid }) => runs(pid!)) ? undefined : true)),
    'the end of all',
    10_000,
  )
})
