// The peer as one writes it by hand: Fastify 5, `pg` with its default pool of ten, columns into an object, and
// a schema so that Fastify prints the answer in its fast way. No log, no metrics, no request ids: its defaults.
import Fastify from 'fastify'
import pg from 'pg'

interface Row {
  id: string
  first_name: string
  last_name: string
  street_address: string | null
  city: string | null
  state: string | null
  postal_code: string | null
  phone_numbers: string[]
}

const SQL = `select id, first_name, last_name, street_address, city, state, postal_code, phone_numbers
from users where id = $1`

const text = { type: 'string' }
const address = {
  type: 'object',
  nullable: true,
  properties: { streetAddress: text, city: text, state: text, postalCode: text },
}
const profile = {
  type: 'object',
  properties: {
    id: text,
    firstName: text,
    lastName: text,
    address,
    phoneNumbers: { type: 'array', items: text },
  },
}

const pool = new pg.Pool({ max: 10 })
const app = Fastify()

app.get<{ Params: { id: string } }>(
  '/users/:id',
  { schema: { response: { 200: profile } } },
  async (request, reply) => {
    const { rows } = await pool.query<Row>(SQL, [request.params.id])
    const row = rows[0]
    if (row === undefined) return reply.code(404).send({ error: 'There is no such person.' })
    return {
      id: row.id,
      firstName: row.first_name,
      lastName: row.last_name,
      address:
        row.city === null
          ? null
          : {
              streetAddress: row.street_address,
              city: row.city,
              state: row.state,
              postalCode: row.postal_code,
            },
      phoneNumbers: row.phone_numbers,
    }
  },
)

console.log(JSON.stringify({ url: await app.listen({ port: 0, host: '127.0.0.1' }) }))
