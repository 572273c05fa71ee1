// The least that can answer: node:http, a Map by path, the bytes as they are. No log, no metrics, no request ids, nothing
// to look up and nothing that could change.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const { BENCH_PATH = '/', BENCH_BODY = '' } = process.env
const answers = new Map([[BENCH_PATH, BENCH_BODY]])

const server = createServer((req, res) => {
  const body = answers.get(req.url ?? '')
  if (body === undefined) res.writeHead(404).end()
  else {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    res.writeHead(200, headers).end(body)
  }
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
