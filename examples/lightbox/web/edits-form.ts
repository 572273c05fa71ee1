const NAMES = ['x', 'y', 'width', 'height'] as const

/** What the fields of the editor say, in percent, as edits. Not checked yet: what is no number stays none. */
export function editsOf(field: (name: string) => string): Record<string, unknown> {
  const fraction = (name: string): number | undefined => {
    const text = field(name).trim().replace(',', '.')
    return text === '' ? undefined : Number(text) / 100
  }
  const crop = NAMES.map((name) => fraction(`crop-${name}`))
  const [x = 0, y = 0, width = 1, height = 1] = crop
  const whole = x === 0 && y === 0 && width === 1 && height === 1
  const [sharpen = 0, blur = 0] = [fraction('sharpen'), fraction('blur')]
  return {
    ...(!whole && { crop: { x, y, width, height } }),
    ...(sharpen !== 0 && { sharpen }),
    ...(blur !== 0 && { blur }),
  }
}
