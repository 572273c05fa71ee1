import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PRELOAD = `--require=${fileURLToPath(new URL('./async-context.cjs', import.meta.url))}`

/** A module that asks for AsyncLocalStorage where applications do: when Node.js has imported modules for a while. */
const PROGRAM = `
  for (let n = 0; n < 1e3; n++) await new Promise((resolve) => process.nextTick(resolve))
  const { AsyncLocalStorage, AsyncResource } = await import('node:async_hooks')
  const storage = new AsyncLocalStorage()
  const make = (n) => storage.run({ n }, () => new AsyncResource('Test'))
  let resource
  for (let n = 0; n < 1e4; n++) resource = make(n)
  const frame = Object.getOwnPropertySymbols(resource).map((name) => resource[name]).find((value) => value?.constructor?.name === 'AsyncContextFrame')
  const fast = new Function('object', 'return %HasFastProperties(object)')
  process.stdout.write(frame ? String(fast(Object.getPrototypeOf(frame.constructor))) : 'no frames')
`

/** Whether the class behind the frames ended in the form that V8 can optimise; Node.js before 24 has no frames. */
async function isFast(...flags: string[]): Promise<string> {
  const args = [...flags, '--allow-natives-syntax', '--input-type=module', '--eval', PROGRAM]
  const { stdout } = await run(process.execPath, args)
  return stdout
}

describe('the preload of server processes', () => {
  test('keeps the class behind AsyncLocalStorage fast', async () => {
    assert.notEqual(await isFast(PRELOAD), 'false')
  })
  test('is still needed: without it the class stays slow', async (t) => {
    const fast = await isFast()
    if (fast === 'no frames') t.skip('Node.js before 24 keeps its contexts in another way')
    else assert.equal(fast, 'false', 'this Node.js does not need async-context.cjs any more')
  })
})
