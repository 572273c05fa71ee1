/** One line of a node's log: as JSON with the node, or for a person. Control characters cannot reach the terminal. */
export function lineText(
  { node, line }: { readonly node: string; readonly line: string },
  json: boolean,
): string {
  const fields = parse(line)
  if (json) return JSON.stringify(fields === undefined ? { node, msg: line } : { node, ...fields })
  if (fields === undefined) return harmless(`${node}  ${line}`)
  const { level, time, msg, node: _, ...rest } = fields
  const at = typeof time === 'number' ? new Date(time).toISOString().replace('T', ' ').slice(0, 23) : ''
  const more = Object.entries(rest).map(([name, value]) => `${name}=${valueText(value)}`)
  return harmless(
    [`${node} `, at, String(level ?? 'info').padEnd(5), String(msg ?? ''), ...more].join(' ').trimEnd(),
  )
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const harmless = (text: string): string => text.replaceAll(/(?![\n\t])\p{Cc}/gu, '·')
