import { posix } from 'node:path'
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isStringLiteral,
} from 'typescript/unstable/ast/is'
import { isTest, nodes, type Rule, type Source, textOf } from './sources.ts'

/** A folder of `src` may import the ones in the rows above its own, and nothing of its own row. */
const LAYERS = [
  ['core'],
  ['telemetry'],
  ['data', 'effects', 'jobs', 'cache', 'edge', 'balancer', 'web', 'blobs'],
  ['app'],
  ['planner', 'simulator'],
  ['supervisor'],
  ['testing', 'index.ts'],
  ['cli'],
]

/** The module specifiers that a file names: static, `import type`, re-exports, `import()` in code and in types. */
export function importsOf(source: Source): string[] {
  if (!source.tree) return []
  return [...nodes(source.tree)].flatMap((node) => {
    if (isImportDeclaration(node) || isExportDeclaration(node)) {
      return node.moduleSpecifier && isStringLiteral(node.moduleSpecifier) ? [node.moduleSpecifier.text] : []
    }
    if (
      isImportTypeNode(node) &&
      isLiteralTypeNode(node.argument) &&
      isStringLiteral(node.argument.literal)
    ) {
      return [node.argument.literal.text]
    }
    if (isCallExpression(node) && textOf(source, node.expression) === 'import') {
      const [first] = node.arguments
      return first && isStringLiteral(first) ? [first.text] : []
    }
    return []
  })
}

function targetsOf(source: Source): string[] {
  return importsOf(source)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(source.path), name))
}

const folderOf = (path: string): string => path.split('/')[1] ?? ''

const rowOf = (folder: string): number => LAYERS.findIndex((row) => row.includes(folder))

/** Tests are free: they may set up what their subject must not know. */
export const direction: Rule = (sources) =>
  sources
    .filter(({ path, tree }) => path.startsWith('src/') && tree && !isTest(path))
    .flatMap((source) => {
      const own = folderOf(source.path)
      const row = rowOf(own)
      if (row < 0)
        return [`${source.path}: src/${own} is in no layer; add it to LAYERS in test/tidy/imports.ts`]
      const wrong = targetsOf(source).filter((target) => {
        const other = folderOf(target)
        return target.startsWith('src/') ? other !== own && rowOf(other) >= row : target !== 'package.json'
      })
      const order =
        'core ← telemetry ← tiers ← app ← supervisor ← cli; tiers meet in core and are wired in app'
      return wrong.map((target) => `${source.path}: must not import ${target} (${order})`)
    })

/** Examples are users of Tenfold: they know its published names only. Benchmarks measure its inside. */
export const publishedNames: Rule = (sources) =>
  sources
    .filter(({ path }) => /^(examples|console)\//.test(path))
    .flatMap((source) => {
      const parts = source.path.split('/')
      const home = `${parts.slice(0, parts[0] === 'examples' ? 2 : 1).join('/')}/`
      return targetsOf(source)
        .filter((target) => !target.startsWith(home))
        .map(
          (target) =>
            `${source.path}: must not import ${target}; import 'tenfold', 'tenfold/test' or 'tenfold/data'`,
        )
    })

/** Depth first over the files; an import of a file still on the path closes a cycle. Types count too. */
export const cycles: Rule = (sources) => {
  const graph = new Map(sources.map((source) => [source.path, targetsOf(source)]))
  const found: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      found.push(`${path}: an import cycle: ${[...trail.slice(start), path].join(' → ')}`)
      return
    }
    if (done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}
