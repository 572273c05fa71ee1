/** How often the guaranteed cache was read so far, and how often it could answer. */
export async function cacheReads(consoleUrl: string | null): Promise<{ all: number; hits: number }> {
  const text = await (await fetch(`${consoleUrl}/metrics`)).text()
  let all = 0
  let hits = 0
  for (const [, result, count] of text.matchAll(/^cache_reads_total\{result="([\w-]+)"\} (\d+)/gm)) {
    all += Number(count)
    if (result === 'hit') hits += Number(count)
  }
  return { all, hits }
}
