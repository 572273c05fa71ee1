// The same peer with our own trick: PostgreSQL prints the JSON and Fastify passes its text on.
import Fastify from 'fastify'
import pg from 'pg'
import { PROFILE_JSON } from './profile-json.ts'

const pool = new pg.Pool({ max: 10 })
const app = Fastify()

app.get<{ Params: { id: string } }>('/users/:id', async (request, reply) => {
  const { rows } = await pool.query<{ body: string }>(PROFILE_JSON, [request.params.id])
  if (rows[0] === undefined) return reply.code(404).send({ error: 'There is no such person.' })
  return reply.type('application/json').send(rows[0].body)
})

console.log(JSON.stringify({ url: await app.listen({ port: 0, host: '127.0.0.1' }) }))
