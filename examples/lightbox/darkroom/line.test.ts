import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Line, type Task } from './line.ts'

/** A line, and who was let in, by name. */
function line(t: TestContext) {
  const began: Task[] = []
  const it = new Line((task) => began.push(task))
  const stand = (name: string, signal?: AbortSignal): Promise<void> => {
    const done = it.done({ kind: 'paint', scene: name, seed: 1 }, signal, () => {})
    done.catch(() => {})
    return done
  }
  const names = (): string[] => began.map(({ order }) => (order.kind === 'paint' ? order.scene : ''))
  t.after(() => it.clear(new Error('over')))
  return { it, began, stand, names }
}

describe('the line before the image process', () => {
  test('the second comes in when the first is exposed, the third when one has gone', async (t) => {
    const { it, began, stand, names } = line(t)
    const all = ['a', 'b', 'c', 'd'].map((name) => stand(name))
    assert.deepEqual(names(), ['a'])
    it.exposed(began[0]!)
    assert.deepEqual(names(), ['a', 'b'])
    it.exposed(began[1]!)
    assert.deepEqual(names(), ['a', 'b'])
    it.end(began[0]!)
    assert.deepEqual(names(), ['a', 'b', 'c'])
    it.end(began[1]!)
    assert.deepEqual(names(), ['a', 'b', 'c'], 'c is not exposed yet')
    it.end(began[2]!)
    it.end(began[3]!)
    await Promise.all(all)
    assert.equal(it.working, 0)
  })

  test('who lost the process in company comes back first, each alone', (t) => {
    const { it, began, stand, names } = line(t)
    for (const name of ['a', 'b', 'c']) void stand(name)
    it.exposed(began[0]!)
    assert.ok(began[0]!.company && began[1]!.company)
    it.again(began[0]!)
    it.again(began[1]!)
    assert.deepEqual(names(), ['a', 'b', 'b'])
    it.exposed(began[2]!)
    assert.deepEqual(names(), ['a', 'b', 'b'], 'b is alone')
    it.end(began[2]!, new Error('its own fault'))
    assert.deepEqual(names(), ['a', 'b', 'b', 'a'])
    it.exposed(began[3]!)
    assert.equal(began[3]!.company, false)
    it.end(began[3]!)
    assert.deepEqual(names(), ['a', 'b', 'b', 'a', 'c'])
  })

  test('who has left does not come back', async (t) => {
    const { it, began, stand, names } = line(t)
    const [here, waits] = [new AbortController(), new AbortController()]
    const first = stand('a', here.signal)
    const second = stand('b', waits.signal)
    waits.abort(new Error('left'))
    await assert.rejects(second, /left/)
    here.abort(new Error('gone'))
    it.again(began[0]!)
    await assert.rejects(first, /gone/)
    assert.deepEqual(names(), ['a'])
    await it.settled()
  })
})
