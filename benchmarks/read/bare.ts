// The least that can be written by hand: node:http, no router, no framework, and a named statement, which
// PostgreSQL parses and plans once for each connection.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { PROFILE_JSON } from './profile-json.ts'

const pool = new pg.Pool({ max: 10 })

const server = createServer((req, res) => {
  const id = (req.url ?? '').slice('/users/'.length)
  pool.query<{ body: string }>({ name: 'profile', text: PROFILE_JSON, values: [id] }).then(
    ({ rows }) => {
      const body = rows[0]?.body
      res.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body)
    },
    (error: Error) => res.writeHead(500).end(error.message),
  )
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
