// Finds a Node.js new enough for Tenfold. Plain, old syntax: it runs on whatever Node.js the machine has.
import { existsSync, readFileSync } from 'fs'
import { dirname, join } from 'path'

const NEEDED = [22, 18]

export class NodeMissing extends Error {}

export function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number)
  return parts[0] > NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] >= NEEDED[1])
}

/** The new enough packages named `node` in the root's node_modules and in every one above it (hoisted), nearest first. */
function nodePackages(root) {
  const found = []
  let folder = root
  for (;;) {
    const candidate = join(folder, 'node_modules', 'node')
    const manifest = join(candidate, 'package.json')
    if (existsSync(manifest) && isNewEnough(String(JSON.parse(readFileSync(manifest, 'utf8')).version))) {
      found.push(candidate)
    }
    if (dirname(folder) === folder) return found
    folder = dirname(folder)
  }
}

/** The current Node.js when it is new enough, else the one of the package `node`; throws NodeMissing with the remedy. */
export function findNode(root) {
  if (isNewEnough(process.version)) return process.execPath
  const packages = nodePackages(root)
  const binary = packages
    .map(function (folder) {
      return join(folder, 'bin', 'node')
    })
    .find(existsSync)
  if (binary) return binary
  const needed = NEEDED.join('.')
  const lines = [`Node.js ${needed} or newer is needed, this is ${process.version}.`]
  if (packages.length > 0) {
    lines.push(
      'The package `node` that brings it is installed without its binary: its install script was skipped',
      `(${packages[0]}).`,
      'Remedy: `npm rebuild node`, or `npm ci` without --ignore-scripts, or install a newer Node.js yourself.',
    )
  } else {
    lines.push(
      'Remedy: install a newer Node.js (https://nodejs.org). In a checkout of Tenfold, `npm ci` brings one',
      'as the package `node`.',
    )
  }
  throw new NodeMissing(lines.join('\n'))
}
