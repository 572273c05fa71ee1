import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cycles, direction, publishedNames } from './tidy/imports.ts'
import { errorRegistry, publicNames } from './tidy/registry.ts'
import { fileSizes, functionSizes, sizeDistribution } from './tidy/sizes.ts'
import { type Rule, repository, type Source } from './tidy/sources.ts'
import { bannedCalls, bannedModules, leftovers, vagueNames } from './tidy/words.ts'

const RULES: Record<string, Rule> = {
  'a file has at most 500 lines': fileSizes,
  'most files of src are small': sizeDistribution,
  'a function has at most 70 lines': functionSizes,
  'imports point downwards and tiers do not know each other': direction,
  'examples use published names only': publishedNames,
  'there is no import cycle': cycles,
  'time, chance, output and exit go through their owners, and no test sleeps': bannedCalls,
  'no sleep is imported': bannedModules,
  'nothing is left over': leftovers,
  'names say something': vagueNames,
  'the package has at most 30 public names': publicNames,
  'errors: code = docs = types': errorRegistry,
}

describe('tidy', () => {
  let sources: Source[] = []
  before(() => {
    sources = repository(fileURLToPath(new URL('..', import.meta.url)))
  })
  for (const [name, rule] of Object.entries(RULES)) {
    test(name, () => {
      const findings = rule(sources)
      assert.equal(findings.length, 0, `\n${findings.join('\n')}\n`)
    })
  }
})
