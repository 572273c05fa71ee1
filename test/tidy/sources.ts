import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Node, SourceFile } from 'typescript/unstable/ast'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { API } from 'typescript/unstable/sync'

/** A file under a rule. Code is parsed by the compiler itself; other text (CSS, SQL, pages) has no tree. */
export interface Source {
  /** From the repository's root, with slashes. */
  path: string
  text: string
  tree?: SourceFile
}

/** What a rule finds wrong, one line each, with the path first. No finding means that the rule holds. */
export type Rule = (sources: readonly Source[]) => string[]

const FOLDERS = ['src', 'examples', 'test', 'benchmarks', 'console']
const SKIPPED = new Set(['node_modules', 'dist', 'templates', 'fixtures'])
const CODE = /\.(ts|tsx|js|mjs|cjs)$/
const TEXT = /\.(ts|tsx|js|mjs|cjs|css|sql|html|md)$/
const PLACE = '/tidy'

export const isTest = (path: string): boolean => /\.test(-d)?\.tsx?$/.test(path) || path.startsWith('test/')

/** Product code: `src` without its tests. */
export const isProduct = (path: string): boolean => path.startsWith('src/') && !isTest(path)

/** Parses files given as text: the repository's, or the ones that a test of a rule makes up. */
export function parse(files: Record<string, string>): Source[] {
  const placed: Record<string, string> = {
    [`${PLACE}/tsconfig.json`]: JSON.stringify({
      compilerOptions: { noLib: true, noResolve: true, types: [], allowJs: true, jsx: 'preserve' },
      include: ['**/*'],
    }),
  }
  for (const [path, text] of Object.entries(files)) placed[`${PLACE}/${path}`] = text
  const api = new API({ cwd: PLACE, fs: createVirtualFileSystem(placed) })
  const snapshot = api.updateSnapshot({ openProjects: [`${PLACE}/tsconfig.json`] })
  try {
    const [project] = snapshot.getProjects()
    return Object.entries(files).map(([path, text]) => {
      const tree = CODE.test(path) ? project?.program.getSourceFile(`${PLACE}/${path}`) : undefined
      if (CODE.test(path) && !tree) throw new Error(`${path} was not parsed`)
      return tree ? { path, text, tree } : { path, text }
    })
  } finally {
    snapshot.dispose()
    // The compiler may say "context canceled" on stderr here: it is told to end, and that is all it means.
    api.close()
  }
}

/** All files that the rules look at. */
export function repository(root: string): Source[] {
  const files: Record<string, string> = {}
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && !entry.name.startsWith('.')) walk(path)
      else if (entry.isFile() && TEXT.test(entry.name)) files[path] = readFileSync(join(root, path), 'utf8')
    }
  }
  const present = new Set(readdirSync(root))
  for (const folder of FOLDERS) if (present.has(folder)) walk(folder)
  if (present.has('docs')) walk('docs')
  return parse(files)
}

/** Every node of a tree, parents first. */
export function* nodes(tree: Node): Generator<Node> {
  yield tree
  const children: Node[] = []
  tree.forEachChild((child) => {
    children.push(child)
  })
  for (const child of children) yield* nodes(child)
}

/** The source text of a node without the comments ahead of it. */
export function textOf(source: Source, node: Node): string {
  return source.text.slice(node.getStart(source.tree), node.end)
}

/** `path:line` of a node, as editors and terminals link it. */
export function at(source: Source, node: Node): string {
  return `${source.path}:${lineOf(source.text, node.getStart(source.tree))}`
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
