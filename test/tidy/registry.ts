import type { Node } from 'typescript/unstable/ast'
import {
  isClassDeclaration,
  isExportDeclaration,
  isIdentifier,
  isNamedExports,
  isPropertyDeclaration,
  isStringLiteral,
  isTemplateLiteralTypeNode,
  isTypeAliasDeclaration,
  isVariableDeclaration,
} from 'typescript/unstable/ast/is'
import { at, isProduct, nodes, type Rule, type Source, textOf } from './sources.ts'

const PUBLIC_NAMES_MAX = 30
const DOCS = 'docs/errors.md'
const BASE = 'TenfoldError'
const CODE = /^TENFOLD_[A-Z]+(_[A-Z0-9]+)*$/

/** The names that `import … from 'tenfold'` can reach, types included. */
export const publicNames: Rule = (sources) => {
  const source = sources.find(({ path }) => path === 'src/index.ts')
  if (!source?.tree) return []
  const names: string[] = []
  const wrong: string[] = []
  for (const statement of source.tree.statements) {
    if (isExportDeclaration(statement)) {
      if (statement.exportClause && isNamedExports(statement.exportClause)) {
        names.push(...statement.exportClause.elements.map((element) => textOf(source, element)))
      } else wrong.push(`${at(source, statement)}: export * hides what is public; name each export`)
    } else if (/^export\b/.test(textOf(source, statement))) names.push(textOf(source, statement))
  }
  if (names.length > PUBLIC_NAMES_MAX) {
    wrong.push(`${source.path}: ${names.length} public names, at most ${PUBLIC_NAMES_MAX}`)
  }
  return wrong
}

interface ErrorClass {
  name: string
  parent: string
  abstract: boolean
  code: string | undefined
  where: string
}

function classesOf(source: Source): ErrorClass[] {
  if (!source.tree || !isProduct(source.path)) return []
  return [...nodes(source.tree)].filter(isClassDeclaration).map((node) => {
    const heritage = node.heritageClauses?.map((clause) => textOf(source, clause)).join(' ') ?? ''
    const member = node.members
      .filter(isPropertyDeclaration)
      .find((one) => textOf(source, one.name) === 'code')
    return {
      name: node.name ? textOf(source, node.name) : '',
      parent: /extends\s+([\w$]+)/.exec(heritage)?.[1] ?? '',
      abstract: /^(export\s+)?(default\s+)?abstract\b/.test(textOf(source, node)),
      code: member?.initializer ? literals(member.initializer)[0] : undefined,
      where: at(source, node),
    }
  })
}

function literals(node: Node): string[] {
  return [...nodes(node)].filter(isStringLiteral).map(({ text }) => text)
}

/** Every concrete class below TenfoldError, at any depth. */
function errorClasses(sources: readonly Source[]): ErrorClass[] {
  const all = sources.flatMap(classesOf)
  const family = new Set([BASE])
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const { name, parent } of all) if (family.has(parent)) family.add(name)
  }
  return all.filter(({ name, abstract }) => family.has(name) && name !== BASE && !abstract)
}

/** The codes that the type ErrorCode lists, or nothing when it is a pattern that every code matches. */
function listedCodes(sources: readonly Source[]): string[] | undefined {
  const source = sources.find(({ path }) => path === 'src/core/errors.ts')
  if (!source?.tree) return undefined
  const all = [...nodes(source.tree)]
  const alias = all.filter(isTypeAliasDeclaration).find(({ name }) => name.text === 'ErrorCode')
  if (!alias || isTemplateLiteralTypeNode(alias.type)) return undefined
  const names = new Set([...nodes(alias.type)].filter(isIdentifier).map(({ text }) => text))
  const lists = all.filter(isVariableDeclaration).filter((one) => names.has(textOf(source, one.name)))
  return [alias.type, ...lists].flatMap(literals).filter((text) => CODE.test(text))
}

function documentedCodes(sources: readonly Source[]): string[] {
  const text = sources.find(({ path }) => path === DOCS)?.text ?? ''
  return [...text.matchAll(/^## +`?(TENFOLD_\w+)`?\s*$/gm)].map((match) => match[1] ?? '')
}

/** Code, documentation and type know the same errors. */
export const errorRegistry: Rule = (sources) => {
  const wrong: string[] = []
  const owners = new Map<string, ErrorClass>()
  for (const one of errorClasses(sources)) {
    if (!one.code || !CODE.test(one.code)) {
      wrong.push(`${one.where}: ${one.name} needs \`readonly code = 'TENFOLD_…'\`, in capitals`)
      continue
    }
    const other = owners.get(one.code)
    if (other)
      wrong.push(`${one.where}: ${one.name} has the code ${one.code} of ${other.name} (${other.where})`)
    owners.set(one.code, one)
  }
  const documented = documentedCodes(sources)
  const listed = listedCodes(sources)
  for (const [code, { where }] of owners) {
    if (!documented.includes(code)) wrong.push(`${where}: ${code} has no section "## ${code}" in ${DOCS}`)
    if (listed && !listed.includes(code)) wrong.push(`${where}: ${code} is missing in the type ErrorCode`)
  }
  for (const code of documented) if (!owners.has(code)) wrong.push(`${DOCS}: no class has the code ${code}`)
  for (const code of listed ?? []) {
    if (!owners.has(code)) wrong.push(`src/core/errors.ts: ErrorCode lists ${code}, which no class has`)
  }
  const twice = documented.filter((code, i) => documented.indexOf(code) !== i)
  return [...wrong, ...twice.map((code) => `${DOCS}: two sections for ${code}`)]
}
