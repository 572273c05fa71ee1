// Every page works without this file. It saves reloads, and counts characters while they are typed.

/** Makes `into` like `from`, keeping nodes of the same kind so that the focus stays where it is. */
const sync = (into, from) => {
  for (const { name } of [...into.attributes]) if (!from.hasAttribute(name)) into.removeAttribute(name)
  for (const { name, value } of from.attributes) into.setAttribute(name, value)
  const [old, fresh] = [[...into.childNodes], [...from.childNodes]]
  if (old.length !== fresh.length || old.some((node, i) => node.nodeName !== fresh[i].nodeName)) {
    return into.replaceChildren(...fresh)
  }
  for (const [i, node] of old.entries()) {
    if (node.nodeType === Node.ELEMENT_NODE) sync(node, fresh[i])
    else if (node.nodeValue !== fresh[i].nodeValue) node.nodeValue = fresh[i].nodeValue
  }
}

/** Puts the parts of a page that the server sent where they belong. */
const showParts = async (response) => {
  if (!response.ok || !response.headers.has('Lightbox-Parts')) throw new Error(`status ${response.status}`)
  const parts = new DOMParser().parseFromString(await response.text(), 'text/html')
  for (const part of parts.querySelectorAll('[data-part]')) {
    for (const old of document.querySelectorAll(`[data-part="${CSS.escape(part.dataset.part)}"]`)) {
      sync(old, part.cloneNode(true))
    }
  }
}

/** Like and follow: the server answers with the parts of the page that have changed. */
const sendInPlace = async (form) => {
  if (form.hasAttribute('aria-busy')) return
  form.setAttribute('aria-busy', 'true')
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { 'Lightbox-Parts': '1' },
      body: new URLSearchParams(new FormData(form)),
    })
    await showParts(response)
  } catch {
    form.removeAttribute('aria-busy')
    form.submit() // the ordinary way, whose answer is a page that says what is wrong
  }
}

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!form.matches('[data-in-place]')) return
  event.preventDefault()
  void sendInPlace(form)
})

for (const area of document.querySelectorAll('textarea[data-count]')) {
  const max = Number(area.dataset.count)
  const counter = document.getElementById(`${area.id}-left`)
  const number = new Intl.NumberFormat(document.documentElement.lang)
  const show = () => {
    // The limit counts characters as a reader does: an emoji is one code point, not two halves.
    const left = max - [...area.value.trim()].length
    counter.classList.toggle('over', left < 0)
    counter.textContent = left < 0 ? `${number.format(-left)} too many` : `${number.format(left)} left`
  }
  area.addEventListener('input', show)
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) area.form.requestSubmit()
  })
  if (area.value) show()
}

for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, {
    dateStyle: 'full',
    timeStyle: 'short',
  })
}

// Tells that the feed has newer posts than the page shows; it shows them when asked to.
const NEWS_MS = 60_000
for (const place of document.querySelectorAll('[data-newest]')) {
  const look = async () => {
    if (document.hidden || place.firstChild) return
    const response = await fetch('/api/feed').catch(() => undefined)
    if (!response?.ok) return
    const { posts } = await response.json()
    // Ids are ordered by time.
    if (!posts[0] || posts[0].id <= place.dataset.newest || place.firstChild) return
    const link = document.createElement('a')
    link.href = '/'
    link.textContent = 'There are new posts'
    place.append(link)
  }
  document.addEventListener('visibilitychange', look)
  setInterval(look, NEWS_MS)
}

/** A photo that is being made: tells how far it is, and shows it when it is there. */
const follow = (figure) => {
  const events = new EventSource(figure.dataset.events)
  const bar = figure.querySelector('progress')
  const percent = figure.querySelector('[data-percent]')
  events.addEventListener('status', async ({ data }) => {
    const { status, progress } = JSON.parse(data)
    if (status === 'processing') {
      if (progress > 0) {
        bar.value = progress
        percent.textContent = `, ${Math.round(progress * 100)}%`
      }
      return
    }
    events.close()
    try {
      const url = new URL(figure.dataset.figure, location.href)
      url.searchParams.set('here', location.pathname + location.search)
      await showParts(await fetch(url))
      // The page of a photo has more on it than the figure.
      if (document.querySelector('[data-reload]')) location.reload()
    } catch {
      location.reload()
    }
  })
  // Otherwise the back button would find the connections of pages that were left.
  addEventListener('pagehide', () => events.close(), { once: true })
}

for (const figure of document.querySelectorAll('[data-events]')) follow(figure)
