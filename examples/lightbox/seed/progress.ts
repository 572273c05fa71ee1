const WIDTH = 32

/** A bar on stderr; a line at the end when that is no terminal. */
export function progressBar(total: number): { step(): void; end(text: string): void } {
  const { stderr } = process
  let done = 0
  const draw = (): void => {
    const filled = Math.round((done / total) * WIDTH)
    const percent = String(Math.round((done / total) * 100)).padStart(3)
    stderr.write(`\r${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${percent} %`)
  }
  return {
    step: () => {
      done += 1
      if (stderr.isTTY) draw()
    },
    end: (text) => {
      stderr.write(`${stderr.isTTY ? '\r\u001b[K' : ''}${text}\n`)
    },
  }
}
