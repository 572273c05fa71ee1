/** What PostgreSQL said, and the remedy for the one refusal that comes from us. */
export function explainSql(error: unknown): string {
  const { message, code, detail, hint } = error as {
    message: string
    code?: string
    detail?: string
    hint?: string
  }
  const own = code === '25006' ? 'The session is read-only; add --write to allow changes.' : undefined
  return [`${message}${code ? ` (SQLSTATE ${code})` : ''}`, detail, hint, own]
    .filter((line) => line)
    .join('\n  ')
}
