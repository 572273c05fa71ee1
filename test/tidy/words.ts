import type { Node } from 'typescript/unstable/ast'
import {
  isCallExpression,
  isNewExpression,
  isPropertyAccessExpression,
  isVariableStatement,
} from 'typescript/unstable/ast/is'
import { importsOf } from './imports.ts'
import { at, isProduct, isTest, lineOf, nodes, type Rule, type Source, textOf } from './sources.ts'

interface Ban {
  what: string
  instead: string
  /** Whether this node, in a file where the ban holds, is the banned thing. */
  is(node: Node, source: Source): boolean
  holds(path: string): boolean
}

const calls =
  (name: string) =>
  (node: Node, source: Source): boolean =>
    isCallExpression(node) && textOf(source, node.expression) === name

/** Files that turn a wait without end into a failure; nothing else in a test may use a timer. */
const DEADLINES = /(^|\/)deadlines?\.ts$/

const BANS: Ban[] = [
  {
    what: 'Date.now',
    instead: 'clock.now() of core/clock.ts',
    is: (node, source) => isPropertyAccessExpression(node) && textOf(source, node) === 'Date.now',
    holds: (path) => isProduct(path) && path !== 'src/core/clock.ts',
  },
  {
    what: 'new Date() of the present',
    instead: 'new Date(clock.now())',
    is: (node, source) =>
      isNewExpression(node) && textOf(source, node.expression) === 'Date' && !node.arguments?.length,
    holds: (path) => isProduct(path) && path !== 'src/core/clock.ts',
  },
  {
    what: 'Math.random',
    instead: 'a RandomSource of core/random.ts',
    is: (node, source) => isPropertyAccessExpression(node) && textOf(source, node) === 'Math.random',
    holds: (path) => isProduct(path) && path !== 'src/core/random.ts',
  },
  {
    what: 'console',
    instead: 'the log (core/log.ts), or an error for the caller',
    is: (node, source) => isPropertyAccessExpression(node) && textOf(source, node.expression) === 'console',
    holds: (path) => isProduct(path) && !path.startsWith('src/cli/'),
  },
  {
    what: 'process.exit',
    instead: 'a thrown error; only the command line ends the process',
    is: (node, source) => isPropertyAccessExpression(node) && textOf(source, node) === 'process.exit',
    holds: (path) => isProduct(path) && !path.startsWith('src/cli/'),
  },
  {
    what: '`using`',
    instead: 'try and finally; Node.js 22 does not know it, and sources run as they are',
    is: (node, source) => isVariableStatement(node) && /^(await\s+)?using\s/.test(textOf(source, node)),
    holds: (path) => isProduct(path) || (path.startsWith('examples/') && !isTest(path)),
  },
  {
    what: 'a timer',
    instead: 'an event, a promise of the subject, or the test clock; a deadline belongs in deadline.ts',
    is: (node, source) => calls('setTimeout')(node, source) || calls('setInterval')(node, source),
    holds: (path) => isTest(path) && !DEADLINES.test(path),
  },
]

export const bannedCalls: Rule = (sources) =>
  sources.flatMap((source) => {
    const bans = BANS.filter((ban) => ban.holds(source.path))
    if (!source.tree || bans.length === 0) return []
    return [...nodes(source.tree)].flatMap((node) =>
      bans
        .filter((ban) => ban.is(node, source))
        .map((ban) => `${at(source, node)}: ${ban.what} is banned here; use ${ban.instead}`),
    )
  })

/** `setTimeout` of this module is a sleep and nothing else. */
export const bannedModules: Rule = (sources) =>
  sources
    .filter(
      ({ path }) =>
        (isProduct(path) && path !== 'src/core/clock.ts') || (isTest(path) && !DEADLINES.test(path)),
    )
    .filter((source) => importsOf(source).some((name) => /^(node:)?timers\/promises$/.test(name)))
    .map(
      ({ path }) =>
        `${path}: timers/promises is banned here; use clock.sleep(ms, { signal }), in a test an event`,
    )

/** Put together from parts, so that this file does not find itself. */
const LEFTOVER = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`, 'g')

export const leftovers: Rule = (sources) =>
  sources.flatMap(({ path, text }) =>
    [...text.matchAll(LEFTOVER)].map(
      (match) =>
        `${path}:${lineOf(text, match.index)}: ${match[0]} left over; do it, or open an issue and drop it`,
    ),
  )

const VAGUE = /^(utils?|commons?|helpers?|managers?|misc)$/i

export const vagueNames: Rule = (sources) =>
  sources.flatMap(({ path }) => {
    const word = path.split(/[/.\-_]/).find((part) => VAGUE.test(part))
    return word ? [`${path}: "${word}" says nothing; name the concept that the file holds`] : []
  })
