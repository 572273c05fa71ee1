import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../core/random.ts'
import type { Bug } from './fixtures/bugs.ts'
import { World } from './fixtures/world.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const WALKS = LONG ? 200_000 : 8_000
/** A planted bug has to show within so many. */
const WALKS_TO_FIND = 20_000
const STEPS = 200

/** @returns the first thing that went wrong in so many walks */
function walk(walks: number, bug?: Bug): string | undefined {
  for (let seed = 1; seed <= walks; seed++) {
    const world = new World(seededRandom(seed), bug)
    for (let step = 0; step < STEPS; step++) {
      const wrong = world.step(true)
      if (wrong !== undefined) return `seed ${seed}, step ${step}: ${wrong}\n${world.story.join('\n')}`
    }
  }
  return undefined
}

test('whoever dies, hangs or is lost at whatever step, the primary has everything that was acknowledged', () => {
  assert.equal(walk(WALKS), undefined)
})

/** @returns the first walk after which a cluster does not become whole again, or how many found no primary without loss */
function mend(walks: number, bug?: Bug): string | number {
  let refused = 0
  for (let seed = 1; seed <= walks; seed++) {
    const world = new World(seededRandom(seed), bug)
    for (let step = 0; step < STEPS; step++) world.step(true)
    let steps = 0
    while (!world.whole && !world.refuses && steps < 2_000) {
      world.step(false)
      steps++
    }
    if (!world.whole && !world.refuses)
      return `seed ${seed}: not whole after ${steps} steps\n${world.story.join('\n')}`
    if (!world.whole) refused++
  }
  return refused
}

test('when the faults end, a primary serves and everybody counts again, or none can be had without loss', () => {
  const refused = mend(WALKS / 4)
  assert.ok(typeof refused === 'number', `${refused}`)
  assert.ok(refused < WALKS / 40, `${refused} walks ended without a primary`)
})

const BUGS: readonly Bug[] = [
  'promotes without asking all',
  'promotes while receivers run',
  'fences nobody',
  'restarts the old primary after a promotion was begun',
  'counts a word before it is recorded',
  'forgets a standby before the others have what it had',
  'promotes before it is written down',
  'leaves one that was not promoted to itself',
  'counts on those who have not caught up',
  'keeps those who went astray',
  'starts alone',
  'lets those of no use run on',
  'changes who counts while another is promoted',
]
for (const bug of BUGS)
  test(`the model notices one that ${bug}`, () => {
    assert.notEqual(walk(WALKS_TO_FIND, bug), undefined)
  })

test('the model notices one that counts a copy before it is whole', () => {
  assert.equal(typeof mend(WALKS_TO_FIND / 4, 'counts a copy before it is whole'), 'string')
})
