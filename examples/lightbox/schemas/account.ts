import { z } from 'zod'
import { line, password } from './text.ts'

/*
 * What comes in, at the API's door and at the forms'. Unknown properties are refused: a misspelt one would
 * otherwise be lost in silence.
 */

const name = line(1, 100).describe('Any script, one line.')

// Checked before it is folded: other alphabets have letters whose lower case is one of a to z.
const handle = z
  .string()
  .regex(/^[A-Za-z0-9_]{3,30}$/, 'must have 3 to 30 letters a to z, digits or underscores')
  .toLowerCase()
  .describe('Kept in lower case.')

const phoneNumber = z
  .string()
  .trim()
  .regex(/^[0-9+][0-9 ().\-/x]{2,29}$/, 'must be a phone number such as 212 555-1234')

const addressLine = line(0, 100)

export const addressSchema = z.strictObject({
  streetAddress: addressLine,
  city: addressLine,
  state: addressLine,
  postalCode: addressLine,
})

export const newAccountSchema = z.strictObject({
  handle,
  firstName: name,
  lastName: name,
  password: password(8),
})

/** Any length of password may be tried. */
export const logInSchema = z.strictObject({ handle, password: password(1) })

export const profileChangeSchema = z
  .strictObject({
    firstName: name,
    lastName: name,
    address: addressSchema.nullable().describe('null removes it.'),
    phoneNumbers: z.array(phoneNumber).max(10),
  })
  .partial()
