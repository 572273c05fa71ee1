import { backdrop, between, glow, gradient, mix, n, pick, type Scene, soft, times } from './canvas.ts'

const BLOOMS = [
  { back: ['#16241c', '#2f4a35'], petals: ['#f7c6cf', '#d6537a'], heart: '#f6d36b' },
  { back: ['#1d1a2b', '#40355c'], petals: ['#e9e2ff', '#8a6fd0'], heart: '#fbe9a6' },
  { back: ['#20302f', '#55786b'], petals: ['#fffaf0', '#e9d7b2'], heart: '#e3a03c' },
  { back: ['#2b1716', '#5c2f26'], petals: ['#ffc58a', '#d8431f'], heart: '#5b1d14' },
] as const

/** A flower from very near, before lights out of focus. */
export const bloom: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { back, petals, heart } = pick(next, BLOOMS)
  const [x, y] = [width * between(next, 0.4, 0.6), height * between(next, 0.42, 0.58)]
  const reach = Math.min(width, height) * between(next, 0.36, 0.46)
  const lights = times(
    26,
    () =>
      `<circle cx="${n(next() * width)}" cy="${n(next() * height)}" r="${n(between(next, 0.03, 0.1) * height)}" fill="${mix(back[1], petals[0], next() * 0.5)}" opacity="${n(between(next, 0.1, 0.35))}"/>`,
  )
  const count = 8 + Math.floor(next() * 9)
  const rings = [1, 0.78, 0.52].map((part, ring) => {
    const long = reach * part
    const wide = ((long * Math.PI) / count) * between(next, 0.9, 1.2)
    return times(count, (at) => {
      const turn = (360 / count) * (at + ring / 2) + (next() - 0.5) * 5
      return `<path d="M0 0C${n(wide)} ${n(-long * 0.4)} ${n(wide * 0.8)} ${n(-long * 0.95)} 0 ${n(-long)}C${n(-wide * 0.8)} ${n(-long * 0.95)} ${n(-wide)} ${n(-long * 0.4)} 0 0Z" transform="rotate(${n(turn)})" fill="url(#petal)" stroke="${petals[1]}" stroke-opacity="0.35" stroke-width="1.5"/>`
    }).join('')
  })
  const seeds = times(90, (at) => {
    const [angle, far] = [at * 2.39996, Math.sqrt(at / 90) * reach * 0.17]
    return `<circle cx="${n(Math.cos(angle) * far)}" cy="${n(Math.sin(angle) * far)}" r="${n(reach * 0.013)}" fill="${mix(heart, '#3a2208', between(next, 0.1, 0.6))}"/>`
  })
  return `${gradient('back', back)}${gradient('petal', [petals[0], mix(petals[0], petals[1], 0.45), petals[1]], 'x1="0" y1="0" x2="0" y2="1"')}${soft('far', height / 60)}${glow('shade', '#000000')}${backdrop(canvas, 'url(#back)')}<g filter="url(#far)">${lights.join('')}</g>
<g transform="translate(${n(x)} ${n(y)})">${rings.join('')}<circle r="${n(reach * 0.3)}" fill="url(#shade)" opacity="0.35"/><circle r="${n(reach * 0.19)}" fill="${heart}"/>${seeds.join('')}</g>`
}

const WALLS = [
  { light: '#f3e3c8', wall: '#d9a679', shade: '#6b3f35', sky: '#5f93b5' },
  { light: '#f7f4ec', wall: '#cfd5d3', shade: '#5a6a72', sky: '#2f6d9a' },
  { light: '#f6cfc4', wall: '#d98a7d', shade: '#6a2f3d', sky: '#85b3b0' },
] as const

/** Stairs and arches in hard light: a wall, its shadow, a piece of sky. */
export const stairs: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { light, wall, shade, sky } = pick(next, WALLS)
  const mirrored = next() > 0.5
  const count = 7 + Math.floor(next() * 4)
  const [tread, rise] = [(width * 0.74) / count, (height * 0.62) / count]
  const steps = times(count, (at) => {
    const [x, y] = [at * tread, height - at * rise]
    return `<rect x="${n(x)}" y="${n(y - rise)}" width="${n(width)}" height="${n(rise + 1)}" fill="${mix(wall, shade, 0.15 + 0.5 * (at / count))}"/><rect x="${n(x)}" y="${n(y - rise)}" width="${n(width)}" height="${n(rise * 0.2)}" fill="${light}"/><path d="M${n(x + tread * 0.55)} ${n(y)}L${n(x + tread)} ${n(y - rise)}V${n(y)}Z" fill="${shade}" opacity="0.55"/>`
  })
  const [door, span] = [width * between(next, 0.08, 0.2), width * between(next, 0.14, 0.2)]
  const [spring, floor] = [height * 0.3, height * between(next, 0.5, 0.62)]
  const arch = (x: number, fill: string): string =>
    `<path d="M${n(x)} ${n(floor)}V${n(spring)}A${n(span / 2)} ${n(span / 2)} 0 0 1 ${n(x + span)} ${n(spring)}V${n(floor)}Z" fill="${fill}"/>`
  const cast = `M${n(width * 0.35)} 0L${n(width)} ${n(height * 0.55)}V0Z`
  const scene = `<rect width="${width}" height="${height}" fill="url(#plaster)"/><rect x="${n(width * 0.62)}" width="${n(width * 0.38)}" height="${n(height * 0.24)}" fill="url(#sky)"/><path d="${cast}" fill="${shade}" opacity="0.4"/>${arch(door + span * 0.08, light)}${arch(door, 'url(#dark)')}${steps.join('')}`
  return `${gradient('plaster', [light, wall])}${gradient('sky', [sky, mix(sky, '#ffffff', 0.35)])}${gradient('dark', [mix(shade, '#000000', 0.55), shade])}<g${mirrored ? ` transform="translate(${width} 0) scale(-1 1)"` : ''}>${scene}</g>`
}

const YARDS = [
  { sky: ['#30384f', '#a3586a', '#f2a65e', '#f8d58e'], iron: '#17171f' },
  { sky: ['#5c7d8a', '#b9c7bd', '#ecdcae'], iron: '#22303a' },
] as const

/** Cranes of a shipyard against the evening. */
export const cranes: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, iron } = pick(next, YARDS)
  const ground = height * 0.88
  const machines = times(5, (at) => {
    const near = (at + 1) / 5
    const [x, size] = [width * ((at * 0.43 + next() * 0.1 + 0.05) % 0.95), height * (0.28 + near * 0.42)]
    const way = next() > 0.5 ? 1 : -1
    return `<g transform="translate(${n(x)} ${n(ground)}) scale(${way} 1)" stroke="${mix(sky.at(-1) ?? '', iron, 0.35 + near * 0.65)}" fill="none" stroke-width="${n(1.5 + near * 3)}" stroke-linejoin="round">${crane(size)}</g>`
  })
  const sun = `<circle cx="${n(width * between(next, 0.2, 0.8))}" cy="${n(height * 0.7)}" r="${n(height * 0.09)}" fill="${mix(sky.at(-1) ?? '', '#ffffff', 0.5)}"/>`
  const birds = times(6, () => {
    const [x, y, s] = [next() * width, height * between(next, 0.08, 0.35), between(next, 5, 13)]
    return `M${n(x - s)} ${n(y - s * 0.4)}Q${n(x - s * 0.4)} ${n(y - s * 0.5)} ${n(x)} ${n(y)}Q${n(x + s * 0.4)} ${n(y - s * 0.5)} ${n(x + s)} ${n(y - s * 0.4)}`
  })
  return `${gradient('sky', sky)}${gradient('quay', [iron, mix(iron, '#000000', 0.4)])}${backdrop(canvas, 'url(#sky)')}${sun}${machines.join('')}<path d="${birds.join('')}" fill="none" stroke="${iron}" stroke-width="2"/><rect y="${n(ground)}" width="${width}" height="${n(height)}" fill="url(#quay)"/>`
}

/** A lattice tower with its boom, the foot at the origin. */
function crane(size: number): string {
  const [wide, bays] = [size * 0.07, 9]
  const lattice = times(bays, (at) => {
    const [low, high] = [-(size / bays) * at, -(size / bays) * (at + 1)]
    return `M${n(-wide)} ${n(low)}L${n(wide)} ${n(high)}M${n(wide)} ${n(low)}L${n(-wide)} ${n(high)}`
  })
  const boom = size * 0.95
  const struts = times(10, (at) => {
    const x = (boom / 10) * at
    return `M${n(x)} ${n(-size)}L${n(x + boom / 20)} ${n(-size - wide)}L${n(x + boom / 10)} ${n(-size)}`
  })
  return `<path d="M${n(-wide)} 0V${n(-size)}M${n(wide)} 0V${n(-size)}${lattice.join('')}M${n(-size * 0.35)} ${n(-size)}H${n(boom)}${struts.join('')}M0 ${n(-size * 1.22)}L${n(boom * 0.85)} ${n(-size - wide)}M0 ${n(-size * 1.22)}L${n(-size * 0.33)} ${n(-size)}M0 ${n(-size * 1.22)}V${n(-size)}M${n(boom * 0.72)} ${n(-size)}V${n(-size * 0.55)}"/><rect x="${n(-size * 0.36)}" y="${n(-size)}" width="${n(size * 0.1)}" height="${n(size * 0.08)}" fill="currentColor"/>`
}

const SHORES = [
  { air: ['#cfd9d6', '#ece5d3'], water: '#b9c6bf', reed: '#4b4a2c' },
  { air: ['#e7c9a9', '#f6e7cb'], water: '#d9bd98', reed: '#3d2c1c' },
  { air: ['#9fb3c0', '#dfe4e1'], water: '#a9bac0', reed: '#25343a' },
] as const

/** Reeds at the edge of a lake, and whoever flies over it. */
export const reeds: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { air, water, reed } = pick(next, SHORES)
  const stalks = times(130, () => {
    const x = width * (next() < 0.6 ? next() * 0.45 : 0.55 + next() * 0.5)
    const [long, bend] = [height * between(next, 0.2, 0.72), width * (next() - 0.35) * 0.16]
    const [tipX, tipY] = [x + bend, height - long]
    const head =
      next() > 0.72
        ? `<path d="M${n(tipX)} ${n(tipY)}q${n(bend * 0.05)} ${n(-height * 0.02)} ${n(bend * 0.08)} ${n(-height * 0.07)}" stroke-width="${n(between(next, 5, 9))}"/>`
        : ''
    return `<g opacity="${n(between(next, 0.35, 1))}"><path d="M${n(x)} ${height}Q${n(x + bend * 0.1)} ${n(height - long * 0.6)} ${n(tipX)} ${n(tipY)}" stroke-width="${n(between(next, 1, 3.4))}"/>${head}</g>`
  })
  const [flockX, flockY] = [width * between(next, 0.4, 0.7), height * between(next, 0.15, 0.3)]
  const birds = times(9, (at) => {
    const side = at % 2 ? 1 : -1
    const [x, y, s] = [
      flockX + side * at * width * 0.022,
      flockY + at * height * 0.014 + next() * 8,
      between(next, 8, 13),
    ]
    return `M${n(x - s)} ${n(y - s * 0.5)}Q${n(x - s * 0.3)} ${n(y - s * 0.4)} ${n(x)} ${n(y)}Q${n(x + s * 0.3)} ${n(y - s * 0.4)} ${n(x + s)} ${n(y - s * 0.5)}`
  })
  return `${gradient('air', air)}${gradient('lake', [air[1], water])}${glow('sun', '#ffffff', 0.1)}${backdrop(canvas, 'url(#air)')}<circle cx="${n(width * 0.72)}" cy="${n(height * 0.42)}" r="${n(height * 0.3)}" fill="url(#sun)" opacity="0.6"/><rect y="${n(height * 0.58)}" width="${width}" height="${n(height)}" fill="url(#lake)"/><rect y="${n(height * 0.565)}" width="${width}" height="${n(height * 0.016)}" fill="${mix(air[1], reed, 0.3)}"/><path d="${birds.join('')}" fill="none" stroke="${reed}" stroke-width="2.4" stroke-linecap="round"/><g fill="none" stroke="${reed}" stroke-linecap="round">${stalks.join('')}</g>`
}
