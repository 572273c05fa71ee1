// Editing a photo works without this file, by numbers. It shows the photo, and a frame to drag.

const SIDE_MIN = 2 // percent, as the server demands
const clamp = (value, min, max) => Math.min(Math.max(value, min), max)
const round = (value) => Math.round(value * 10) / 10

/** The fields of the form hold the state; the frame only shows and changes them. */
class Editor {
  constructor(root) {
    this.root = root
    this.stage = root.querySelector('[data-stage]')
    const field = (name) => root.querySelector(`[name="${name}"]`)
    this.numbers = ['x', 'y', 'width', 'height'].map((name) => field(`crop-${name}`))
    this.sliders = { sharpen: field('sharpen'), blur: field('blur') }
    this.ratio = null
    root.addEventListener('input', () => this.show())
    for (const button of root.querySelectorAll('[data-shape]')) {
      button.addEventListener('click', () => this.shape(button.dataset.shape))
    }
    const image = this.stage.querySelector('img')
    if (image) this.open(image)
  }

  open(image) {
    this.image = image
    this.stage.replaceChildren(image, this.frame())
    this.stage.hidden = false
    this.root.querySelector('[data-shapes]').hidden = false
    if (image.complete) this.show()
    else image.addEventListener('load', () => this.show(), { once: true })
  }

  close() {
    this.stage.hidden = true
    this.stage.replaceChildren()
    this.crop = { x: 0, y: 0, width: 100, height: 100 }
    for (const slider of Object.values(this.sliders)) slider.value = 0
    this.ratio = null
  }

  /** One button to move it, and one at each corner; all of them take arrow keys too. */
  frame() {
    const frame = document.createElement('div')
    frame.className = 'frame'
    const handles = [
      ['move', 'Move the crop'],
      ['nw', 'Top left corner of the crop'],
      ['ne', 'Top right corner of the crop'],
      ['sw', 'Bottom left corner of the crop'],
      ['se', 'Bottom right corner of the crop'],
    ]
    for (const [name, label] of handles) {
      const handle = document.createElement('button')
      handle.type = 'button'
      handle.className = `handle ${name}`
      handle.setAttribute('aria-label', label)
      handle.addEventListener('pointerdown', (event) => this.drag(event, handle, name))
      handle.addEventListener('keydown', (event) => this.nudge(event, name))
      frame.append(handle)
    }
    this.box = frame
    return frame
  }

  get crop() {
    const [x, y, width, height] = this.numbers.map(({ value }) => Number(value) || 0)
    return { x, y, width: width || 100, height: height || 100 }
  }

  set crop({ x, y, width, height }) {
    const fitted = [
      clamp(x, 0, 100 - width),
      clamp(y, 0, 100 - height),
      clamp(width, SIDE_MIN, 100),
      clamp(height, SIDE_MIN, 100),
    ]
    for (const [at, value] of fitted.entries()) this.numbers[at].value = round(value)
    this.show()
  }

  drag(event, handle, name) {
    if (event.button !== 0) return
    event.preventDefault()
    handle.focus()
    handle.setPointerCapture(event.pointerId)
    const { width, height } = this.stage.getBoundingClientRect()
    const [from, left, top] = [this.crop, event.clientX, event.clientY]
    const move = ({ clientX, clientY }) =>
      this.change(from, name, ((clientX - left) / width) * 100, ((clientY - top) / height) * 100)
    handle.addEventListener('pointermove', move)
    for (const end of ['pointerup', 'pointercancel']) {
      handle.addEventListener(end, () => handle.removeEventListener('pointermove', move), { once: true })
    }
  }

  nudge(event, name) {
    const step = event.shiftKey ? 10 : 1
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }
    const found = by[event.key]
    if (!found) return
    event.preventDefault()
    this.change(this.crop, name, ...found)
  }

  /** Moves the whole frame or one of its corners, the opposite one staying where it is. */
  change(from, name, dx, dy) {
    if (name === 'move') {
      this.crop = {
        ...from,
        x: clamp(from.x + dx, 0, 100 - from.width),
        y: clamp(from.y + dy, 0, 100 - from.height),
      }
      return
    }
    const [west, north] = [name.includes('w'), name.includes('n')]
    const [right, bottom] = [from.x + from.width, from.y + from.height]
    let width = clamp(from.width + (west ? -dx : dx), SIDE_MIN, west ? right : 100 - from.x)
    let height = clamp(from.height + (north ? -dy : dy), SIDE_MIN, north ? bottom : 100 - from.y)
    if (this.ratio) {
      const factor = this.ratio / this.aspect
      height = Math.min(width / factor, north ? bottom : 100 - from.y)
      width = height * factor
    }
    this.crop = { x: west ? right - width : from.x, y: north ? bottom - height : from.y, width, height }
  }

  /** Width by height of the whole photo. */
  get aspect() {
    return this.image.naturalWidth / this.image.naturalHeight || 1
  }

  /** The largest frame of a shape, in the middle. */
  shape(value) {
    this.ratio = value === 'free' ? null : Number(value)
    const factor = this.ratio ? this.ratio / this.aspect : 1
    const width = this.ratio ? Math.min(100, 100 * factor) : 100
    const height = this.ratio ? Math.min(100, 100 / factor) : 100
    this.crop = { x: (100 - width) / 2, y: (100 - height) / 2, width, height }
  }

  show() {
    if (!this.box) return
    const { x, y, width, height } = this.crop
    Object.assign(this.box.style, { left: `${x}%`, top: `${y}%`, width: `${width}%`, height: `${height}%` })
    this.box.classList.toggle('whole', width > 99.9 && height > 99.9)
    const [sharpen, blur] = [this.sliders.sharpen.value / 100, this.sliders.blur.value / 100]
    // As the server does it: see darkroom/plan.ts.
    const spread = blur ** 2 * 0.02 * this.image.clientWidth * (width / 100)
    const filters = []
    if (spread > 0.1) filters.push(`blur(${spread.toFixed(2)}px)`)
    if (sharpen > 0) filters.push('url(#sharper)')
    document
      .querySelector('#sharper feConvolveMatrix')
      ?.setAttribute(
        'kernelMatrix',
        `0 ${-sharpen} 0 ${-sharpen} ${1 + 4 * sharpen} ${-sharpen} 0 ${-sharpen} 0`,
      )
    this.image.style.filter = filters.join(' ')
  }
}

/** Pictures that are dropped or pasted are chosen. */
const acceptDrops = (form, input, take) => {
  const give = (event, transfer) => {
    const file = [...(transfer?.files ?? [])].find(({ type }) => type.startsWith('image/'))
    if (!file) return
    event.preventDefault()
    const files = new DataTransfer()
    files.items.add(file)
    input.files = files.files
    take()
  }
  form.addEventListener('dragover', (event) => event.preventDefault())
  form.addEventListener('drop', (event) => give(event, event.dataTransfer))
  form.addEventListener('paste', (event) => give(event, event.clipboardData))
}

/** The file of a post that is being written. */
const attach = (form, editor) => {
  const input = form.querySelector('input[type="file"]')
  const part = form.querySelector('[data-photo-part]')
  const error = form.querySelector('[data-file-error]')
  const remove = form.querySelector('[data-remove]')
  const details = form.querySelector('[data-edit]')
  const choose = form.querySelector('[data-choose]')
  let url = null
  form.classList.add('scripted')

  const forget = () => {
    if (url) URL.revokeObjectURL(url)
    url = null
    part.classList.remove('chosen')
    remove.hidden = true
    choose.textContent = 'Add a photo'
    editor.close()
  }
  const say = (text) => {
    error.textContent = text
    error.hidden = text === ''
  }
  const refuse = (text) => {
    input.value = ''
    forget()
    say(text)
  }
  const take = () => {
    forget()
    say('')
    const [file] = input.files
    if (!file) return
    if (file.size > Number(input.dataset.bytesMax)) return refuse('This file has more than 20 MB.')
    url = URL.createObjectURL(file)
    const image = new Image()
    image.alt = 'The photo you chose'
    image.addEventListener('error', () => refuse('This is not a picture that can be shown here.'))
    image.src = url
    editor.open(image)
    part.classList.add('chosen')
    details.open = true
    remove.hidden = false
    choose.textContent = 'Another photo'
  }
  input.addEventListener('change', take)
  remove.addEventListener('click', () => {
    input.value = ''
    forget()
    say('')
    input.focus()
  })
  acceptDrops(form, input, take)
  form.addEventListener('submit', () => {
    const button = form.querySelector('button:not([type])')
    button.setAttribute('aria-busy', 'true')
    if (url) button.textContent = 'Sending…'
  })
  // The back button may bring the form back with its file.
  if (input.files.length > 0) take()
}

for (const root of document.querySelectorAll('[data-editor]')) {
  const editor = new Editor(root)
  const form = root.closest('[data-composer]')
  if (form) attach(form, editor)
}
