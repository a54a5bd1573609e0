// Real clients that nobody here wrote: curl, as the use case and install scripts call it.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { newFolder, tree } from '../folder.ts'
import { serveApi } from '../api/server.ts'
import { serveFiles } from '../http/site.ts'

const run = promisify(execFile)
const curl = async (...words: string[]) => (await run('curl', ['-sS', ...words])).stdout

test('the use case’s PUT, word for word', async (t) => {
  const { url, table } = await serveApi(t, { hosts: '{}', policy: 'register' })
  const body = `
{
    "hosts": [
        {
            "macAddress": "23:34:a3:e9:09:cc"
        }
    ]
}`
  const reply = await curl('-i', '-X', 'PUT', `${url}/configurations/local/deploy`, '-d', body)
  t.regex(reply, /^HTTP\/1\.1 200 OK\r\n/)
  t.regex(reply, /"name":"23-34-a3-e9-09-cc","configuration":"local","rebooted":"NO","registered":true/)
  t.is(table.assignments.get('23-34-a3-e9-09-cc'), 'local')
})

test('an install script’s PUT with a name only the hosts file knows', async (t) => {
  const { port, table } = await serveApi(t)
  const url = `http://pxe-server:${port}/v1/configurations/local/deploy`
  const reply = await curl(
    '--resolve',
    `pxe-server:${port}:127.0.0.1`,
    '-i',
    '-X',
    'PUT',
    url,
    '-d',
    '{"hosts":[{"macAddress":"00:00:00:00:00:01"}]}',
  )
  t.regex(reply, /^HTTP\/1\.1 200 OK\r\n/)
  t.is(table.assignments.get('h1'), 'local')
})

test('a body of two mebibytes: curl reads its 413', async (t) => {
  const { url } = await serveApi(t)
  const file = join(newFolder('curl'), 'body')
  writeFileSync(file, randomBytes(2 * 1024 * 1024))
  const reply = await curl(
    '-i',
    '-X',
    'PUT',
    `${url}/v1/configurations/local/deploy`,
    '--data-binary',
    `@${file}`,
  )
  t.regex(reply, /HTTP\/1\.1 413 /)
  t.regex(reply, /body_too_big/)
})

test('curl downloads, resumes and asks again only for what changed', async (t) => {
  const image = randomBytes(5 * 1024 * 1024 + 3)
  const { url } = await serveFiles(t, { httproot: tree({ 'live/fs.squashfs': image }) })
  const folder = newFolder('curl')
  const whole = join(folder, 'whole')
  await curl('-f', '-R', '-o', whole, `${url}//live/fs.squashfs`)
  t.true(readFileSync(whole).equals(image))
  const part = join(folder, 'part')
  writeFileSync(part, image.subarray(0, 1_000_000))
  await curl('-f', '-C', '-', '-o', part, `${url}/live/fs.squashfs`)
  t.true(readFileSync(part).equals(image))
  const code = await curl(
    '-z',
    whole,
    '-o',
    join(folder, 'none'),
    '-w',
    '%{http_code}',
    `${url}/live/fs.squashfs`,
  )
  t.is(code, '304')
  const head = await curl('-I', `${url}/live/fs.squashfs`)
  t.regex(head, new RegExp(`Content-Length: ${statSync(whole).size}\\r\\n`))
})

test('curl --path-as-is with .. gets nothing', async (t) => {
  const { url } = await serveFiles(t, { httproot: tree({ x: 'x' }) })
  const code = await curl(
    '--path-as-is',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    `${url}/../../../../etc/passwd`,
  )
  t.is(code, '403')
})
