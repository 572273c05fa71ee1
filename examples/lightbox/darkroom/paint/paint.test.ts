import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { pictures } from '../../seed/pictures.ts'
import { texts } from '../../seed/texts.ts'
import { paint } from './paint.ts'

const scenes = new Set(Object.values(pictures).flatMap((all) => all.map(([, scene]) => scene)))

for (const scene of scenes) {
  test(`${scene}: always the same from a seed, another from another`, async () => {
    const [first, again, other] = await Promise.all([paint(scene, 7), paint(scene, 7), paint(scene, 8)])
    assert.ok(first.equals(again))
    assert.ok(!first.equals(other))
    const { channels, width, height } = await sharp(first).metadata()
    assert.ok(Math.max(width, height) <= 1280)
    // A scene that draws nothing would leave one colour.
    const { channels: each } = await sharp(first).stats()
    assert.ok(channels === 3 && each.some(({ stdev }) => stdev > 15))
  })
}

test('each picture belongs to a post that is there', () => {
  for (const [handle, all] of Object.entries(pictures)) {
    for (const [post] of all) assert.ok(texts[handle]?.[post], `${handle} ${post}`)
  }
})
