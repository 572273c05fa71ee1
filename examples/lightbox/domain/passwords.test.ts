import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import { Problem } from './problems.ts'

describe('passwords', () => {
  for (const kind of ['argon2id', 'scrypt'] as const) {
    test(`${kind}: the right one matches, another does not, and no two hashes are equal`, async () => {
      const [first, second] = [await hashPassword('sésame', kind), await hashPassword('sésame', kind)]
      assert.match(first, new RegExp(`^\\$${kind}\\$.*\\$[\\w+/]{22}\\$[\\w+/]{43}$`))
      assert.notEqual(first, second)
      assert.equal(await verifyPassword('sésame', first), true)
      assert.equal(await verifyPassword('Sésame', first), false)
    })
  }

  test('nobody has a password', async () => {
    assert.equal(await verifyPassword('', null), false)
  })

  test('a hash of former parameters still matches, and is to be replaced', async () => {
    const hash = await hashPassword('sésame')
    assert.equal(isOutdated(hash), false)
    // RFC 7914's parameters, as an older version might have written them.
    const older = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$'
    assert.equal(isOutdated(`${older}AAAA`), true)
    assert.equal(isOutdated(await hashPassword('sésame', 'scrypt')), true)
  })

  test('a hash from elsewhere is an error, not a wrong password', async () => {
    await assert.rejects(verifyPassword('x', 'plain text'), /PHC/)
  })

  test('too many at once are refused, and those before them are served', async () => {
    const all = await Promise.allSettled(Array.from({ length: 110 }, () => verifyPassword('x', null)))
    const refused = all.filter((one) => one.status === 'rejected')
    assert.equal(refused.length, 8)
    for (const { reason } of refused) assert.ok(reason instanceof Problem && reason.status === 503)
  })
})
