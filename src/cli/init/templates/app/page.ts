interface Page {
  readonly topic: string
  readonly notes: readonly { readonly text: string; readonly created_at: Date }[]
  readonly css: string
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char)

export function page({ topic, notes, css }: Page): Response {
  const items = notes.map(
    ({ text, created_at: at }) =>
      `<li>${escapeHtml(text)} <time datetime="${at.toISOString()}">${at.toISOString().slice(0, 16).replace('T', ' ')}</time></li>`,
  )
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(topic)}</title>
<link rel="stylesheet" href="${css}">
<main>
  <h1>${escapeHtml(topic)}</h1>
  <form method="post">
    <label for="text">A note</label>
    <input id="text" name="text" required maxlength="500" autocomplete="off" autofocus>
    <button>Add</button>
  </form>
  ${items.length > 0 ? `<ul>\n    ${items.join('\n    ')}\n  </ul>` : '<p>Nothing here yet. Write the first note.</p>'}
</main>
</html>
`
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
}
