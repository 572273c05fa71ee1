import type { Node } from 'typescript/unstable/ast'
import { isCallExpression, isFunctionLikeDeclaration } from 'typescript/unstable/ast/is'
import { at, isProduct, isTest, lineOf, nodes, type Rule, type Source, textOf } from './sources.ts'

const FILE_LINES_MAX = 500
const FILE_LINES_MEDIAN = 100
const FILE_LINES_P90 = 300
const FUNCTION_LINES_MAX = 70

const lines = (text: string): number => text.replace(/\n$/, '').split('\n').length

export const fileSizes: Rule = (sources) =>
  sources
    .filter(({ path, text }) => !path.endsWith('.md') && lines(text) > FILE_LINES_MAX)
    .map(({ path, text }) => `${path}: ${lines(text)} lines, at most ${FILE_LINES_MAX}; split it by concept`)

/** Lines at a fraction of the sorted sizes: the smallest size that this share of the files does not exceed. */
function quantile(sizes: number[], fraction: number): number {
  const sorted = sizes.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? 0
}

export const sizeDistribution: Rule = (sources) => {
  const sizes = sources.filter(({ path, tree }) => isProduct(path) && tree).map(({ text }) => lines(text))
  const median = quantile(sizes, 0.5)
  const p90 = quantile(sizes, 0.9)
  return [
    ...(median > FILE_LINES_MEDIAN
      ? [`src: the median file has ${median} lines, at most ${FILE_LINES_MEDIAN}`]
      : []),
    ...(p90 > FILE_LINES_P90
      ? [`src: a tenth of the files exceed ${FILE_LINES_P90} lines (p90 is ${p90})`]
      : []),
  ]
}

/** The callback of `describe` holds a group of tests; it is a folder of functions rather than one. */
function groups(source: Source): Set<Node> {
  const found = new Set<Node>()
  if (!isTest(source.path) || !source.tree) return found
  for (const node of nodes(source.tree)) {
    if (!isCallExpression(node) || !/^(describe|suite)\b/.test(textOf(source, node.expression))) continue
    for (const argument of node.arguments) found.add(argument)
  }
  return found
}

export const functionSizes: Rule = (sources) =>
  sources.flatMap((source) => {
    if (!source.tree) return []
    const exempt = groups(source)
    return [...nodes(source.tree)]
      .filter((node) => isFunctionLikeDeclaration(node) && !exempt.has(node))
      .map((node) => ({ node, size: lengthOf(source, node) }))
      .filter(({ size }) => size > FUNCTION_LINES_MAX)
      .map(
        ({ node, size }) => `${at(source, node)}: a function of ${size} lines, at most ${FUNCTION_LINES_MAX}`,
      )
  })

function lengthOf(source: Source, node: Node): number {
  return lineOf(source.text, node.end) - lineOf(source.text, node.getStart(source.tree)) + 1
}
