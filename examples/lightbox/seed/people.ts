/** Somebody of the small community that an empty database begins with. Their ids are 1, 2, … in this order. */
export interface Member {
  readonly handle: string
  readonly firstName: string
  readonly lastName: string
  readonly address?: readonly [streetAddress: string, city: string, state: string, postalCode: string]
  readonly phoneNumbers?: readonly string[]
}

/** Known to everybody who read about scaling once: person 12. */
const john: Member = {
  handle: 'john',
  firstName: 'John',
  lastName: 'Smith',
  address: ['21 2nd Street', 'New York', 'NY', '10021'],
  phoneNumbers: ['212 555-1234', '646 555-4567'],
}

export const members: readonly Member[] = [
  {
    handle: 'mira',
    firstName: 'Mira',
    lastName: 'Okafor',
    address: ['4 Quay Walk', 'Bristol', '', 'BS1 4RW'],
  },
  { handle: 'tomasz_w', firstName: 'Tomasz', lastName: 'Wójcik' },
  { handle: 'aiko', firstName: '愛子', lastName: '森田' },
  { handle: 'lena_film', firstName: 'Lena', lastName: 'Brandt' },
  { handle: 'samuel', firstName: 'Samuel', lastName: 'Adeyemi', phoneNumbers: ['510 555-0148'] },
  { handle: 'rosa_m', firstName: 'Rosa', lastName: 'Martínez Peña' },
  { handle: 'birdhide', firstName: 'Ewan', lastName: 'McAllister' },
  { handle: 'noor', firstName: 'نور', lastName: 'حداد' },
  {
    handle: 'pixelpeeper',
    firstName: 'Dana',
    lastName: 'Whitlock',
    address: ['88 Mill Lane', 'Portland', 'OR', '97205'],
  },
  { handle: 'joao', firstName: 'João', lastName: 'Figueiredo' },
  { handle: 'nightwalks', firstName: 'Ines', lastName: 'Keller' },
  john,
  { handle: 'harriet', firstName: 'Harriet', lastName: 'Vance' },
  { handle: 'oskar', firstName: 'Oskar', lastName: 'Lindqvist' },
  { handle: 'macro_mei', firstName: 'Mei', lastName: 'Tan' },
  { handle: 'dev_k', firstName: 'Dev', lastName: 'Krishnan' },
  { handle: 'grain', firstName: 'Julien', lastName: 'Moreau' },
  { handle: 'siobhan', firstName: 'Siobhán', lastName: 'Ó Briain' },
  {
    handle: 'kettle',
    firstName: 'Agnes',
    lastName: 'Kettle',
    address: ['2 Chapel Row', 'Hebden Bridge', '', 'HX7 6AA'],
  },
  { handle: 'yusuf', firstName: 'Yusuf', lastName: 'Demir' },
  { handle: 'polly', firstName: 'Polly', lastName: 'Ashworth' },
  { handle: 'anders', firstName: 'Anders', lastName: 'Nygård' },
  { handle: 'thandi', firstName: 'Thandi', lastName: 'Mokoena' },
  { handle: 'first_light', firstName: 'Gabriel', lastName: 'Stone' },
]
