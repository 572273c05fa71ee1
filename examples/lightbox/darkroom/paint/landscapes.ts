import {
  backdrop,
  between,
  type Canvas,
  glow,
  gradient,
  mix,
  n,
  pick,
  ridge,
  type Scene,
  soft,
  times,
} from './canvas.ts'

const DAWNS = [
  { sky: ['#2b3a67', '#7a6c9d', '#e8a598', '#fbe3c0'], far: '#b58fa0', near: '#1d2238', sun: '#fff1d0' },
  { sky: ['#3d6b82', '#8db7bb', '#f2dfb3', '#f6c98a'], far: '#93aeb0', near: '#1c3440', sun: '#fffbe6' },
  { sky: ['#5b3a52', '#b25c5a', '#ea9a5b', '#f7d488'], far: '#b46f5f', near: '#2a1a26', sun: '#fff0c2' },
  { sky: ['#22343c', '#4d6f71', '#a9bfae', '#e9e6cf'], far: '#8da79c', near: '#142124', sun: '#fdfbe9' },
] as const

/** Ridge behind ridge in the first light, each with the mist of its valley. */
export const hills: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, far, near, sun } = pick(next, DAWNS)
  const [x, y] = [between(next, 0.2, 0.8) * width, between(next, 0.3, 0.46) * height]
  const radius = height * between(next, 0.025, 0.05)
  const layers = 6
  const ridges = times(layers, (at) => {
    const depth = at / (layers - 1)
    const top = height * (0.44 + depth * 0.42)
    const path = ridge(canvas, top, height * (0.1 + depth * 0.1), 0.52)
    const colour = mix(far, near, depth ** 0.9)
    return `${gradient(`r${at}`, [colour, mix(colour, sky[2], 0.45 * (1 - depth))])}<path d="${path}" fill="url(#r${at})"/>`
  })
  return `${gradient('sky', sky)}${glow('sun', sun, 0.12)}${backdrop(canvas, 'url(#sky)')}
<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius * 9)}" fill="url(#sun)" opacity="0.55"/>
<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" fill="${sun}"/>${ridges.join('')}`
}

const SANDS = [
  { sky: ['#6fa3b8', '#d9e2d5'], light: '#f0c48a', dark: '#8a4a2c' },
  { sky: ['#35405e', '#d7907a'], light: '#f3a873', dark: '#4a2230' },
  { sky: ['#a9b9bd', '#efe9da'], light: '#efdcb4', dark: '#9b7648' },
] as const

/** Dunes: each crest has a lit side and one in shadow. */
export const dunes: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, light, dark } = pick(next, SANDS)
  const layers = 4
  const shapes = times(layers, (at) => {
    const depth = at / (layers - 1)
    const top = height * (0.4 + depth * 0.3)
    const rise = height * (0.05 + depth * 0.16)
    const crest = width * between(next, 0.25, 0.75)
    const lit = mix(sky[1], light, 0.35 + depth * 0.65)
    const shade = mix(sky[1], dark, 0.3 + depth * 0.65)
    const back = `M0 ${n(top + rise)}C${n(crest * 0.5)} ${n(top + rise)} ${n(crest * 0.75)} ${n(top)} ${n(crest)} ${n(top - rise * 0.4)}C${n(crest + width * 0.18)} ${n(top + rise * 0.6)} ${n(width * 0.8)} ${n(top + rise * 0.9)} ${width} ${n(top + rise * 0.5)}V${height}H0Z`
    const foot = crest + width * between(next, -0.3, 0.1)
    const side = `M${n(crest)} ${n(top - rise * 0.4)}C${n(crest + width * 0.18)} ${n(top + rise * 0.6)} ${n(width * 0.8)} ${n(top + rise * 0.9)} ${width} ${n(top + rise * 0.5)}V${height}H${n(foot)}C${n(foot + width * 0.2)} ${n(top + rise * 3)} ${n(crest - width * 0.12)} ${n(top + rise * 1.5)} ${n(crest)} ${n(top - rise * 0.4)}Z`
    return `${gradient(`l${at}`, [lit, mix(lit, dark, 0.25)])}${gradient(`s${at}`, [shade, mix(shade, lit, 0.35)])}<path d="${back}" fill="url(#l${at})"/><path d="${side}" fill="url(#s${at})"/>`
  })
  return `${gradient('sky', sky)}${backdrop(canvas, 'url(#sky)')}${shapes.join('')}`
}

const WOODS = [
  { fog: '#dfe4dc', deep: '#1f2b26', ground: '#4c5a48' },
  { fog: '#e8ddcb', deep: '#33241c', ground: '#7b6146' },
  { fog: '#cfd8de', deep: '#18242e', ground: '#445563' },
] as const

/** Trunks that dissolve in fog the further away they are. */
export const forest: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { fog, deep, ground } = pick(next, WOODS)
  const layers = 5
  const trees = times(layers, (at) => {
    const depth = at / (layers - 1)
    const colour = mix(fog, deep, 0.12 + depth * 0.83)
    const trunks = times(26 - at * 5, () => trunk(canvas, depth))
    const veil = gradient(`v${at}`, [mix(fog, ground, 0.1 * depth), mix(fog, ground, depth)])
    const floor = height * (0.72 + depth * 0.2)
    return `${veil}<path d="${trunks.join('')}" fill="${colour}"/><path d="${ridge(canvas, floor, height * 0.05, 0.5)}" fill="url(#v${at})" opacity="0.75"/>`
  })
  const light = between(next, 0.3, 0.7) * width
  return `${gradient('fog', [mix(fog, '#ffffff', 0.35), fog])}${glow('lamp', '#ffffff')}${backdrop(canvas, 'url(#fog)')}<ellipse cx="${n(light)}" cy="${n(height * 0.3)}" rx="${n(width * 0.4)}" ry="${n(height * 0.6)}" fill="url(#lamp)" opacity="0.7"/>${trees.join('')}`
}

function trunk({ width, height, next }: Canvas, depth: number): string {
  const x = next() * width * 1.1 - width * 0.05
  const thick = (width / 90) * (0.35 + depth ** 1.5 * 2.4) * between(next, 0.6, 1.3)
  const foot = height * (0.74 + depth * 0.22)
  const lean = (next() - 0.5) * width * 0.02
  return `M${n(x - thick)} ${n(foot)}L${n(x - thick * 0.55 + lean)} 0H${n(x + thick * 0.55 + lean)}L${n(x + thick)} ${n(foot)}Z`
}

const SEAS = [
  { sky: ['#0f1d33', '#27466b', '#8fa3b5'], sea: ['#3f5d78', '#0b1626'], moon: '#fdf6dc' },
  { sky: ['#3b2f4a', '#a0617a', '#f0b58f'], sea: ['#b57a7c', '#241a33'], moon: '#ffe9c4' },
  { sky: ['#2f5963', '#86aca6', '#e6e2c6'], sea: ['#7fa29c', '#173038'], moon: '#fffdf0' },
] as const

/** A low moon and its path on the water. */
export const sea: Scene = (canvas) => {
  const { width, height, next } = canvas
  const { sky, sea: water, moon } = pick(next, SEAS)
  const horizon = height * between(next, 0.5, 0.62)
  const [x, y] = [width * between(next, 0.3, 0.7), horizon - height * between(next, 0.12, 0.3)]
  const size = height * 0.045
  const glints = times(150, () => {
    const down = next() ** 1.6
    const spread = (0.02 + down * 0.16) * width
    const at = x + (next() + next() - 1) * spread
    const long = (0.004 + down * 0.045) * width * between(next, 0.4, 1)
    const place = horizon + 3 + down * (height - horizon)
    return `<rect x="${n(at - long / 2)}" y="${n(place)}" width="${n(long)}" height="${n(1 + down * 3.5)}" rx="2" opacity="${n(between(next, 0.25, 0.9))}"/>`
  })
  const swell = times(46, (at) => {
    const down = (at / 46) ** 1.5
    return `<rect x="${n(next() * width * 0.6 - width * 0.1)}" y="${n(horizon + down * (height - horizon))}" width="${n(width * between(next, 0.3, 0.8))}" height="${n(1 + down * 5)}" opacity="${n(between(next, 0.05, 0.2))}" fill="${at % 2 ? water[1] : sky[2]}"/>`
  })
  return `${gradient('sky', sky)}${gradient('sea', water)}${glow('moon', moon, 0.1)}${soft('soft', 1.2)}${backdrop(canvas, 'url(#sky)')}
<circle cx="${n(x)}" cy="${n(y)}" r="${n(size * 6)}" fill="url(#moon)" opacity="0.45"/><circle cx="${n(x)}" cy="${n(y)}" r="${n(size)}" fill="${moon}"/>
<rect y="${n(horizon)}" width="${width}" height="${n(height - horizon)}" fill="url(#sea)"/>${swell.join('')}<g fill="${moon}" filter="url(#soft)">${glints.join('')}</g>`
}
