/** Bytes ahead of each frame: its length, most significant first. */
const HEAD_BYTES = 4

/** A frame's bytes: its length, then its text. */
export function frame(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const whole = Buffer.allocUnsafe(HEAD_BYTES + bytes)
  whole.writeUInt32BE(bytes, 0)
  whole.write(text, HEAD_BYTES)
  return whole
}

/** A frame that is empty or longer than this side takes. */
export class FrameRefused extends Error {}

/** Puts a stream's pieces together to frames. Holds no more than one frame and the piece that completed it. */
export class FrameReader {
  readonly #bytesMax: number
  #pieces: Buffer[] = []
  #size = 0
  /** Bytes without which there is nothing to do. */
  #needed = HEAD_BYTES

  /** @param bytesMax of a frame, without its head */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Takes the next piece of the stream. @returns the frames that it completes @throws FrameRefused */
  *read(piece: Buffer): Generator<string> {
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size < this.#needed) return
    let rest = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces)
    for (;;) {
      this.#needed = HEAD_BYTES
      if (rest.length < HEAD_BYTES) break
      const length = rest.readUInt32BE(0)
      if (length === 0 || length > this.#bytesMax)
        throw new FrameRefused(`a frame of ${length} bytes; 1 to ${this.#bytesMax} are taken`)
      this.#needed = HEAD_BYTES + length
      if (rest.length < this.#needed) break
      const text = rest.toString('utf8', HEAD_BYTES, this.#needed)
      rest = rest.subarray(this.#needed)
      yield text
    }
    this.#pieces = rest.length > 0 ? [rest] : []
    this.#size = rest.length
  }
}
