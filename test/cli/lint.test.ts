// `pxe-pilot config lint` as a person or a script runs it.

import test from 'ava'
import type { Finding } from '../../src/catalog/lint.ts'
import { serveApi } from '../api/server.ts'
import { run } from './run.ts'

const fault: Finding = {
  level: 'fault',
  configuration: 'sheep',
  file: '/srv/conf/sheep',
  line: 3,
  text: 'the kernel li\u001b[31mnus is not there',
}
const warning: Finding = { ...fault, level: 'warning', line: 4, text: 'has 50 MB' }

function finding(...findings: Finding[]) {
  const one = async (name: string) => (name === 'sheep' ? findings : undefined)
  return { lint: { all: async () => findings, one, faultOf: () => undefined } }
}

test('a line for each, as compilers print it, and 1 where there is a fault', async (t) => {
  const { url } = await serveApi(t, finding(fault, warning))
  for (const words of [[], ['sheep']]) {
    t.deepEqual(await run('-s', url, 'config', 'lint', ...words), {
      code: 1,
      stdout: String.raw`/srv/conf/sheep:3: fault: the kernel li\x1b[31mnus is not there
/srv/conf/sheep:4: warning: has 50 MB
`,
      stderr: '1 fault\n',
    })
  }
})

test('warnings alone, and nothing at all, are 0', async (t) => {
  const { url } = await serveApi(t, finding(warning))
  t.like(await run('-s', url, 'config', 'lint'), { code: 0, stderr: '' })
  const none = await serveApi(t, finding())
  t.deepEqual(await run('-s', none.url, 'config', 'lint'), { code: 0, stdout: '', stderr: '' })
})

test('-o json: the findings as the API gives them', async (t) => {
  const { url } = await serveApi(t, finding(fault))
  const { code, stdout } = await run('-s', url, 'config', 'lint', '-o', 'json')
  t.is(code, 1)
  t.deepEqual(JSON.parse(stdout), await (await fetch(`${url}/v1/lint`)).json())
})

test('config show says that the file on disk has a fault, and shows what is in force', async (t) => {
  const { lint } = finding()
  const { url } = await serveApi(t, { lint: { ...lint, faultOf: () => '/srv/conf/sheep.yml:2: is odd' } })
  t.deepEqual(await run('-s', url, 'config', 'show', 'sheep'), {
    code: 0,
    stdout: 'text of sheep for pxelinux & <others>\n',
    stderr: '/srv/conf/sheep.yml:2: is odd\n',
  })
})

test('a configuration nobody wrote', async (t) => {
  const { url } = await serveApi(t, finding())
  const { code, stderr } = await run('-s', url, 'config', 'lint', 'goat')
  t.deepEqual(
    [code, stderr],
    [
      1,
      "Configuration 'goat' does not exists; pxe-pilot config list and GET /v1/configurations show those there are\n",
    ],
  )
})

test('a deploy of what would stop a machine is done; -o wide says what, and a script of the original sees nothing', async (t) => {
  const { url } = await serveApi(t, finding(fault, warning))
  const deploy = async (...words: string[]) => {
    const { code, stdout, stderr } = await run('-s', url, ...words, 'sheep', 'h1')
    t.is(code, 0)
    t.regex(stdout, /^\| h1 +\| sheep +\| NO +\|/m)
    return stderr
  }
  t.is(await deploy('config', 'deploy'), '')
  const line = String.raw`/srv/conf/sheep:3: the kernel li\x1b[31mnus is not there` + '\n'
  t.is(await deploy('config', 'deploy', '-o', 'wide'), line)
})

test('-d says what the server answered as it stands there, and the table is last', async (t) => {
  const { url } = await serveApi(t, finding({ ...fault, text: 'a <b>' }))
  const { stdout } = await run('-s', url, '-d', 'config', 'deploy', '-o', 'wide', 'sheep', 'h1')
  t.regex(stdout, /^PUT .*\nGET .*lint.*a \\u003cb\\u003e.*\n\+[-+]+\+\n[^]*\+\n$/)
})

const faultOf = (name: string) =>
  name === 'goat' ? '/srv/conf/goat.tmpl:3: ${disk} has no value' : undefined

test('a deploy of a file that is there and no configuration says what is wrong with it, and so does show', async (t) => {
  const { url } = await serveApi(t, { lint: { ...finding().lint, faultOf } })
  const { code, stderr } = await run('-s', url, 'config', 'deploy', 'goat', 'h1')
  t.deepEqual(
    [code, stderr],
    [
      1,
      "Configuration 'goat' does not exists; its file has a fault: /srv/conf/goat.tmpl:3: ${disk} has no value\n",
    ],
  )
  const shown = await run('-s', url, 'config', 'show', 'goat')
  t.is(shown.code, 1)
  // The words of the original stand first.
  t.regex(shown.stderr, /^Error : configuration does not exist; its file has a fault: .*goat\.tmpl:3: /)
})
