/** A profile as JSON text, printed by PostgreSQL: the statement that Lightbox sends. */
export const PROFILE_JSON = `select json_build_object(
  'id', id::text, 'firstName', first_name, 'lastName', last_name,
  'address', case when city is not null then json_build_object(
    'streetAddress', street_address, 'city', city, 'state', state, 'postalCode', postal_code) end,
  'phoneNumbers', phone_numbers)::text as body
from users where id = $1`
