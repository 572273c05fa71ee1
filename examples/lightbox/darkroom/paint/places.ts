import {
  backdrop,
  between,
  type Canvas,
  glow,
  gradient,
  mix,
  n,
  pick,
  type Scene,
  soft,
  times,
} from './canvas.ts'

const NIGHTS = [
  { sky: ['#070b1a', '#1b2340', '#4a3550'], far: '#242a48', near: '#090b14', lamp: '#ffcf7d' },
  { sky: ['#0a1417', '#15333a', '#3f6a63'], far: '#1d3b40', near: '#060c0e', lamp: '#ffe2a6' },
  { sky: ['#140a1c', '#3a1d45', '#8a3f57'], far: '#3b2346', near: '#0d0713', lamp: '#ffb870' },
] as const

/** A town after dark, and its lights in the wet street. */
export const night: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, far, near, lamp } = pick(next, NIGHTS)
  const street = height * 0.78
  const rows = times(3, (at) => {
    const depth = at / 2
    return houses(canvas, street, depth, mix(far, near, depth), lamp)
  })
  const town = rows.join('')
  const stars = times(
    60,
    () =>
      `<circle cx="${n(next() * width)}" cy="${n(next() * height * 0.4)}" r="${n(between(next, 0.4, 1.4))}" opacity="${n(between(next, 0.2, 0.8))}"/>`,
  )
  return `${gradient('sky', sky)}${soft('wet', width / 220)}${gradient('road', ['#000000', near])}${backdrop(canvas, 'url(#sky)')}<g fill="#fff">${stars.join('')}</g>${town}
<g transform="translate(0 ${n(street * 2)}) scale(1 -1)" filter="url(#wet)" opacity="0.75">${town}</g>
<rect y="${n(street)}" width="${width}" height="${n(height - street)}" fill="url(#road)" opacity="0.45"/>`
}

function houses(
  { width, height, next }: Canvas,
  foot: number,
  depth: number,
  colour: string,
  lamp: string,
): string {
  const parts: string[] = []
  for (let x = -width * 0.03; x < width; ) {
    const wide = width * between(next, 0.06, 0.13) * (0.8 + depth * 0.5)
    const high = height * between(next, 0.2, 0.5) * (1.15 - depth * 0.45)
    parts.push(
      `<rect x="${n(x)}" y="${n(foot - high)}" width="${n(wide + 1)}" height="${n(high)}" fill="${colour}"/>`,
    )
    const cell = (width / 95) * (0.9 + depth * 0.8)
    for (let row = foot - high + cell; row < foot - cell * 1.6; row += cell * 1.7) {
      for (let column = x + cell * 0.7; column < x + wide - cell; column += cell * 1.35) {
        if (next() > 0.3) continue
        parts.push(
          `<rect x="${n(column)}" y="${n(row)}" width="${n(cell * 0.62)}" height="${n(cell * 0.9)}" fill="${mix(lamp, '#ffffff', next() * 0.4)}" opacity="${n(between(next, 0.35, 0.95) * (0.55 + depth * 0.45))}"/>`,
        )
      }
    }
    x += wide + (next() > 0.6 ? width * 0.015 : 0)
  }
  return parts.join('')
}

const ALLEYS = [
  { dark: '#120d12', wall: '#2d1d22', lights: ['#ff9a4d', '#ffd08a', '#ff6a4a'] },
  { dark: '#0c1013', wall: '#1d2a2e', lights: ['#ffd9a0', '#ffb45e', '#f7f0d8'] },
] as const

/** Lanterns on their cords, between two walls. */
export const lanterns: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { dark, wall, lights } = pick(next, ALLEYS)
  const [vanishX, vanishY] = [width * between(next, 0.42, 0.58), height * 0.58]
  const glows = lights.map((light, at) => glow(`g${at}`, light, 0.05)).join('')
  const cords = times(7, (at) => {
    const near = ((at + 1) / 7) ** 1.7
    const [left, right] = [vanishX * (1 - near), vanishX + (width - vanishX) * near]
    const top = vanishY * (1 - near * 1.05)
    const sag = height * 0.12 * near
    const count = 4 + (at % 2)
    const hung = times(count, (index) => {
      const along = (index + 0.5) / count
      const x = left + (right - left) * along
      const y = top + sag * 4 * along * (1 - along) + height * 0.02 * near
      const kind = Math.floor(next() * lights.length)
      const size = height * 0.045 * near + 1.5
      return `<circle cx="${n(x)}" cy="${n(y)}" r="${n(size * 4.5)}" fill="url(#g${kind})" opacity="0.4"/><ellipse cx="${n(x)}" cy="${n(y + size * 0.4)}" rx="${n(size * 0.78)}" ry="${n(size)}" fill="${lights[kind]}"/><ellipse cx="${n(x)}" cy="${n(y + size * 0.4)}" rx="${n(size * 0.4)}" ry="${n(size * 0.75)}" fill="#fff6dc" opacity="0.75"/><ellipse cx="${n(x)}" cy="${n(height - (y - vanishY * 0.2) * 0.22)}" rx="${n(size * 0.8)}" ry="${n(size * 3)}" fill="url(#g${kind})" opacity="0.45"/>`
    })
    return `<path d="M${n(left)} ${n(top)}Q${n((left + right) / 2)} ${n(top + sag * 2)} ${n(right)} ${n(top)}" fill="none" stroke="#000" stroke-opacity="0.6" stroke-width="${n(1 + near * 2)}"/>${hung.join('')}`
  })
  const walls = `<path d="M0 0L${n(vanishX - 12)} ${n(vanishY - 40)}V${n(vanishY)}L0 ${height}Z" fill="url(#left)"/><path d="M${width} 0L${n(vanishX + 12)} ${n(vanishY - 40)}V${n(vanishY)}L${width} ${height}Z" fill="url(#right)"/>`
  return `${glows}${glow('end', lights[1])}${gradient('left', [dark, wall], 'x1="0" y1="0" x2="1" y2="0"')}${gradient('right', [wall, dark], 'x1="0" y1="0" x2="1" y2="0"')}${gradient('ground', [mix(wall, lights[0], 0.3), dark])}${backdrop(canvas, dark)}<rect y="${n(vanishY - 6)}" width="${width}" height="${n(height)}" fill="url(#ground)"/>${walls}<circle cx="${n(vanishX)}" cy="${n(vanishY - 20)}" r="${n(height * 0.3)}" fill="url(#end)" opacity="0.5"/>${cords.join('')}`
}

const HARBOURS = [
  {
    sky: ['#8fb0bf', '#dfe3d8', '#f4dfc0'],
    water: ['#b9c6c0', '#4f707d'],
    hulls: ['#27323d', '#8c3b2c', '#e9e4d6'],
  },
  {
    sky: ['#4a5577', '#c18f8f', '#f5cf9d'],
    water: ['#d3a795', '#3a4563'],
    hulls: ['#1d2133', '#5b2f38', '#ddd0bf'],
  },
  {
    sky: ['#c3ccce', '#e5e6e0', '#efeee8'],
    water: ['#d4d8d5', '#8a9a9f'],
    hulls: ['#36454c', '#b0523a', '#41616b'],
  },
] as const

/** Boats on still water, each above its own reflection. */
export const harbour: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, water, hulls } = pick(next, HARBOURS)
  const horizon = height * between(next, 0.46, 0.54)
  const shore = `<rect y="${n(horizon - height * 0.03)}" width="${width}" height="${n(height * 0.035)}" fill="${mix(sky[1], hulls[0], 0.35)}"/>`
  const fleet = times(7, (at) => {
    const near = (at + 1) / 7
    const x = width * (((at * 0.37 + 0.12) % 1) * 0.84 + 0.08)
    const y = horizon + (height - horizon) * near ** 1.6 * 0.62 + height * 0.01
    const boat = sail(canvas, x, y, width * (0.035 + near ** 1.5 * 0.12), pick(next, hulls), hulls[0])
    return `${boat}<g transform="translate(0 ${n(y * 2)}) scale(1 -1)" opacity="0.38" filter="url(#ripple)">${boat}</g>`
  })
  const lines = times(70, () => {
    const down = next() ** 1.4
    return `<rect x="${n(next() * width)}" y="${n(horizon + down * (height - horizon))}" width="${n(width * (0.02 + down * 0.14))}" height="${n(1 + down * 2)}" opacity="${n(between(next, 0.1, 0.4))}"/>`
  })
  return `${gradient('sky', sky)}${gradient('water', water)}${soft('ripple', width / 420)}${backdrop(canvas, 'url(#sky)')}${shore}<rect y="${n(horizon)}" width="${width}" height="${n(height)}" fill="url(#water)"/><g fill="${sky[2]}">${lines.join('')}</g>${fleet.join('')}`
}

function sail({ next }: Canvas, x: number, y: number, size: number, hull: string, rig: string): string {
  const [mast, tilt] = [size * between(next, 1.5, 2.4), size * (next() - 0.5) * 0.06]
  const body = `M${n(x - size / 2)} ${n(y - size * 0.2)}Q${n(x - size * 0.4)} ${n(y)} ${n(x - size * 0.25)} ${n(y)}H${n(x + size * 0.3)}Q${n(x + size * 0.48)} ${n(y - size * 0.06)} ${n(x + size * 0.58)} ${n(y - size * 0.25)}Z`
  const top = `${n(x + tilt)} ${n(y - mast)}`
  return `<path d="M${n(x)} ${n(y - size * 0.2)}L${top}L${n(x + size * 0.56)} ${n(y - size * 0.24)}M${top}L${n(x - size * 0.48)} ${n(y - size * 0.2)}M${n(x)} ${n(y - size * 0.45)}H${n(x - size * 0.42)}" fill="none" stroke="${rig}" stroke-width="${n(Math.max(1, size / 55))}"/><path d="${body}" fill="${hull}"/><rect x="${n(x - size * 0.18)}" y="${n(y - size * 0.32)}" width="${n(size * 0.3)}" height="${n(size * 0.13)}" fill="${mix(hull, '#ffffff', 0.75)}"/>`
}
