import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cycles, direction, publishedNames } from './imports.ts'
import { errorRegistry, publicNames } from './registry.ts'
import { fileSizes, functionSizes, sizeDistribution } from './sizes.ts'
import { parse, type Rule } from './sources.ts'
import { bannedCalls, bannedModules, leftovers, vagueNames } from './words.ts'

type Files = Record<string, string>

/** The rule finds each planted violation, one finding per pattern, in order, and nothing else. */
function finds(rule: Rule, files: Files, ...patterns: RegExp[]): void {
  const findings = rule(parse(files))
  assert.equal(findings.length, patterns.length, `findings: ${findings.join('\n') || 'none'}`)
  for (const [i, pattern] of patterns.entries()) assert.match(findings[i] ?? '', pattern)
}

const accepts = (rule: Rule, files: Files): void => finds(rule, files)

const filler = (lines: number): string => 'export {}\n'.repeat(lines)

const body = (lines: number): string => `{\n${'  x()\n'.repeat(lines - 2)}}`

describe('each rule passes on an empty tree', () => {
  const rules = { cycles, direction, publishedNames, errorRegistry, publicNames, fileSizes, functionSizes }
  const others = { sizeDistribution, bannedCalls, bannedModules, leftovers, vagueNames }
  for (const [name, rule] of Object.entries({ ...rules, ...others })) test(name, () => accepts(rule, {}))
})

describe('sizes', () => {
  test('a file', () => {
    accepts(fileSizes, { 'src/core/a.ts': filler(500) })
    finds(
      fileSizes,
      { 'examples/x/style.css': filler(501), 'src/core/b.ts': filler(3) },
      /style\.css: 501 lines/,
    )
  })
  test('the median and the ninth decile of src, tests left out', () => {
    accepts(sizeDistribution, { 'src/core/a.ts': filler(100), 'src/core/a.test.ts': filler(400) })
    finds(sizeDistribution, { 'src/core/a.ts': filler(101) }, /median file has 101/)
    const small = Object.fromEntries([...'abcdefgh'].map((name) => [`src/core/${name}.ts`, filler(10)]))
    accepts(sizeDistribution, { ...small, 'src/core/y.ts': filler(300), 'src/core/z.ts': filler(500) })
    finds(
      sizeDistribution,
      { ...small, 'src/core/y.ts': filler(301), 'src/core/z.ts': filler(500) },
      /p90 is 301/,
    )
  })
  test('a function of any form, whatever stands in its strings', () => {
    accepts(functionSizes, { 'src/core/a.ts': `function f() ${body(70)}` })
    const long: Files = {
      'src/core/a.ts': `\n/** why */\nfunction f() ${body(71)}`,
      'src/core/b.ts': `const f = () => ${body(71)}`,
      'src/core/c.ts': `class A {\n  m() ${body(71)}\n}`,
      'src/core/d.ts': `const s = '}'; const t = \`\${'{'}}\`; const f = async function () ${body(71)}`,
      'test/e.ts': `test('x', () => ${body(71)})`,
    }
    finds(functionSizes, long, /a\.ts:3: a function of 71/, /b\.ts:1/, /c\.ts:2/, /d\.ts:1/, /e\.ts:1/)
    accepts(functionSizes, { 'test/a.test.ts': `describe('x', () => ${body(200)})` })
  })
})

describe('imports', () => {
  test('upwards', () => {
    const files: Files = {
      'src/core/a.ts': "import { b } from '../data/b.ts'",
      'src/data/b.ts': "import type { c } from '../app/c.ts'",
      'src/app/c.ts': "export type C = import('../supervisor/d.ts').D",
      'src/supervisor/d.ts': "export const load = () => import('../cli/e.ts')",
      'src/cli/e.ts': "export * from '../core/a.ts'",
    }
    finds(direction, files, /core.*data/, /data.*app/, /app.*supervisor/, /supervisor.*cli/)
  })
  test('sideways, outwards, from an unknown folder, and what is allowed', () => {
    finds(
      direction,
      { 'src/web/a.ts': "import '../data/b.ts'", 'src/data/b.ts': '' },
      /web\/a\.ts.*data\/b\.ts/,
    )
    finds(direction, { 'src/data/a.ts': "import '../../test/b.ts'" }, /must not import test\/b\.ts/)
    finds(direction, { 'src/magic/a.ts': '' }, /src\/magic is in no layer/)
    accepts(direction, {
      'src/index.ts': "export { a } from './app/a.ts'",
      'src/testing/a.ts': "import '../supervisor/a.ts'",
      'src/data/a/b.ts': "import '../c/d.ts'; import '../../core/e.ts'; import 'pg'",
      'src/core/x.test.ts': "import '../testing/a.ts'",
    })
    finds(direction, { 'src/testing/a.ts': "import '../cli/a.ts'" }, /testing.*cli/)
  })
  test('past the published names', () => {
    const files: Files = {
      'examples/lightbox/pages/a.ts': "import '../../../src/index.ts'; import '../b.ts'; import 'tenfold'",
    }
    finds(publishedNames, files, /must not import src\/index\.ts/)
  })
  test('in a circle, types included', () => {
    const files: Files = {
      'src/core/a.ts': "import type { B } from './b.ts'",
      'src/core/b.ts': "import { c } from './c.ts'",
      'src/core/c.ts': "import { a } from './a.ts'",
      'src/core/d.ts': "import { a } from './a.ts'; import { b } from './b.ts'",
    }
    finds(cycles, files, /a\.ts → src\/core\/b\.ts → src\/core\/c\.ts → src\/core\/a\.ts/)
    accepts(cycles, {
      'src/core/d.ts': "import './e.ts'; import './f.ts'",
      'src/core/e.ts': "import './f.ts'",
    })
  })
})

describe('words', () => {
  test('time, chance, output, exit', () => {
    const text =
      'Date.now()\nnew Date()\nMath.random()\nconsole.log(1)\nprocess.exit(1)\nconst now = Date.now'
    const all = [/1: Date\.now.*clock\.now/, /2: new Date/, /3: Math\.random.*RandomSource/, /4: console/]
    finds(bannedCalls, { 'src/data/a.ts': text }, ...all, /5: process\.exit/, /6: Date\.now/)
    accepts(bannedCalls, { 'src/core/clock.ts': 'Date.now()', 'src/core/random.ts': 'Math.random()' })
    accepts(bannedCalls, {
      'src/cli/a.ts': 'console.log(1); process.exit(1)',
      'src/data/a.test.ts': 'Date.now()',
    })
    accepts(bannedCalls, { 'src/data/a.ts': "// Date.now()\nconst s = 'Math.random()'; new Date(0)" })
  })
  test('what Node.js 22 cannot read', () => {
    const text = 'await using a = b()\nfunction f() { using c = d() }\nconst using = 1'
    for (const path of ['src/data/a.ts', 'examples/a/b.ts'])
      finds(bannedCalls, { [path]: text }, /1: `using`/, /2: `using`/)
    accepts(bannedCalls, { 'src/data/a.test.ts': text, 'benchmarks/a.ts': text })
  })
  test('timers in tests', () => {
    const sleep = 'await new Promise((done) => setTimeout(done, 50))'
    finds(bannedCalls, { 'test/system/a.ts': sleep, 'src/data/a.test.ts': sleep }, /a timer/, /a timer/)
    accepts(bannedCalls, { 'test/deadline.ts': sleep, 'src/data/a.ts': sleep })
    finds(
      bannedModules,
      { 'test/a.test.ts': "import { setTimeout } from 'node:timers/promises'" },
      /timers\/promises/,
    )
    finds(bannedModules, { 'src/data/a.ts': "import { setTimeout } from 'timers/promises'" }, /clock\.sleep/)
  })
  test('what is left over', () => {
    const word = 'TO' + 'DO'
    finds(leftovers, { 'src/core/a.ts': `const a = 1\n// ${word}: later` }, /a\.ts:2: .*left over/)
    accepts(leftovers, { 'src/core/a.ts': 'const todo = 1' })
  })
  test('names that say nothing', () => {
    finds(vagueNames, { 'src/data/utils.ts': '', 'src/pool-manager/a.ts': '' }, /"utils"/, /"manager"/)
    accepts(vagueNames, { 'src/data/commonest.ts': '' })
  })
})

describe('registry', () => {
  const base = 'export abstract class TenfoldError extends Error {}\n'
  const one = "export class A extends TenfoldError { readonly code = 'TENFOLD_A' }\n"
  const pattern = 'export type ErrorCode = `TENFOLD_${' + 'Uppercase<string>}`\n'
  const list = "const CODES = ['TENFOLD_A'] as const\nexport type ErrorCode = (typeof CODES)[number]\n"
  const errors = 'src/core/errors.ts'
  const docs = 'docs/errors.md'

  test('public names', () => {
    const many = Array.from({ length: 29 }, (_, i) => `A${i}`)
    const text = `export { ${many.join(', ')} } from './core/a.ts'\nexport type { B } from './core/b.ts'\n`
    accepts(publicNames, { 'src/index.ts': text })
    finds(publicNames, { 'src/index.ts': `${text}export const c = 1` }, /31 public names/)
    finds(publicNames, { 'src/index.ts': "export * from './core/a.ts'" }, /export \*/)
  })
  test('code, docs and types agree', () => {
    accepts(errorRegistry, { [errors]: base + one + pattern, [docs]: '## TENFOLD_A\n' })
    accepts(errorRegistry, { [errors]: base + one + list, [docs]: '## `TENFOLD_A`\n' })
  })
  test('code without docs, docs without code, twice', () => {
    finds(errorRegistry, { [errors]: base + one, [docs]: '' }, /no section "## TENFOLD_A"/)
    finds(errorRegistry, { [errors]: base, [docs]: '## TENFOLD_B\n' }, /no class has the code TENFOLD_B/)
    finds(errorRegistry, { [errors]: base + one, [docs]: '## TENFOLD_A\n## TENFOLD_A\n' }, /two sections/)
    const twin = "class B extends A { override readonly code = 'TENFOLD_A' }"
    finds(
      errorRegistry,
      { [errors]: base + one + twin, [docs]: '## TENFOLD_A\n' },
      /B has the code TENFOLD_A of A/,
    )
  })
  test('types without code, code without types, no code at all', () => {
    finds(errorRegistry, { [errors]: base + list }, /ErrorCode lists TENFOLD_A/)
    const two = "class B extends TenfoldError { readonly code = 'TENFOLD_B' }"
    const both = '## TENFOLD_A\n## TENFOLD_B\n'
    finds(
      errorRegistry,
      { [errors]: base + one + list, 'src/app/b.ts': two, [docs]: both },
      /TENFOLD_B is missing/,
    )
    finds(
      errorRegistry,
      { [errors]: base, 'src/app/b.ts': 'class B extends TenfoldError {}' },
      /B needs `readonly/,
    )
    finds(
      errorRegistry,
      { [errors]: `${base}class B extends TenfoldError { code = 'tenfold_b' }` },
      /in capitals/,
    )
  })
})
