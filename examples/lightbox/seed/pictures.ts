/** A picture that is painted for a post: which of the member's posts, what it shows, and in words. */
export type Picture = readonly [post: number, scene: string, alt: string]

/** What the members photographed, by handle. Painted by code after the start: see darkroom/paint. */
export const pictures: Readonly<Record<string, readonly Picture[]>> = {
  mira: [
    [3, 'harbour', 'Sailing boats at anchor, each above its own reflection'],
    [5, 'harbour', 'Small boats in a still harbour'],
  ],
  tomasz_w: [
    [0, 'cranes', 'Cranes of a shipyard against the evening sky'],
    [4, 'cranes', 'Three cranes, one behind the other, as silhouettes'],
  ],
  aiko: [
    [3, 'lanterns', 'Paper lanterns over a narrow wet alley'],
    [6, 'lanterns', 'Rows of lanterns that meet at the end of an alley'],
  ],
  lena_film: [[3, 'forest', 'Tree trunks that dissolve in fog']],
  birdhide: [
    [1, 'reeds', 'Reeds at the edge of a pale lake'],
    [3, 'reeds', 'A flock of birds above a reed bed'],
  ],
  noor: [
    [1, 'stairs', 'An arched doorway beside a flight of steps'],
    [5, 'stairs', 'A wall, an arch and hard shadows at noon'],
  ],
  pixelpeeper: [[4, 'dunes', 'Dunes, one side in the sun and one in shadow']],
  joao: [
    [2, 'sea', 'Low light over the sea and its path on the water'],
    [5, 'sea', 'The horizon from the pier, with the light just above it'],
  ],
  nightwalks: [
    [2, 'night', 'Houses at night with a few lit windows, mirrored in a wet street'],
    [4, 'night', 'A district after midnight'],
  ],
  john: [[3, 'night', 'Lit windows between dark blocks']],
  harriet: [
    [2, 'bloom', 'A dahlia from very near'],
    [3, 'bloom', 'A flower in the first light, with drops out of focus behind it'],
  ],
  oskar: [
    [0, 'forest', 'Bare trunks in a snowy forest'],
    [2, 'forest', 'A forest in blue light'],
  ],
  macro_mei: [[0, 'bloom', 'The heart of a flower, every seed visible']],
  siobhan: [
    [3, 'sea', 'Mist over the sea and a pale sun'],
    [6, 'sea', 'A long exposure of a calm sea'],
  ],
  kettle: [[2, 'hills', 'Hills behind hills in the morning']],
  yusuf: [[2, 'sea', 'The evening sun over the strait']],
  anders: [
    [0, 'stairs', 'A stairway in plain plaster, seen from the side'],
    [1, 'stairs', 'Steps that lead along a wall into the light'],
  ],
  first_light: [
    [0, 'hills', 'The first light on a row of ridges'],
    [3, 'hills', 'The sun just above the mountains'],
    [5, 'hills', 'Ridges in the mist of their valleys'],
  ],
}
