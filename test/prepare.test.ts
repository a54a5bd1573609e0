// What `npm start` does before the start: packages are installed only where one is missing, and nothing is left behind.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'

const packages = {
  '': { name: 'clone' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/a/node_modules/b': { version: '2.0.0', integrity: 'sha512-b' },
}
const ofAnotherMachine = { 'node_modules/c': { version: '3.0.0', integrity: 'sha512-c', optional: true } }

/** Says what it is asked, goes on whatever the signal if it shall, and fails. */
const fakeNpm = `if (process.env.HANG) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  setInterval(() => {}, 1000)
}
console.log('npm', process.argv.slice(2).join(' '))
process.exitCode = 1
`

/** A clone that is built, in which npm installed everything for this machine. */
async function clone(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-prepare-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const write = async (name: string, content: unknown) => {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  await cp('scripts', join(folder, 'scripts'), { recursive: true })
  await write('npm.mjs', fakeNpm)
  await write('package-lock.json', { packages: { ...packages, ...ofAnotherMachine } })
  await write('node_modules/.package-lock.json', { packages })
  for (const name of Object.keys(packages)) await write(join(name, 'package.json'), {})
  await write('dist/main.js', '')
  await write('tsconfig.json', '{}')
  await mkdir(join(folder, 'src'))
  const earlier = new Date(Date.now() - 60_000)
  for (const name of ['package.json', 'tsconfig.json']) await utimes(join(folder, name), earlier, earlier)
  return folder
}

function environment(folder: string, more: Readonly<Record<string, string>> = {}) {
  return { ...process.env, npm_execpath: join(folder, 'npm.mjs'), ...more }
}

async function prepare(folder: string) {
  return await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const options = { cwd: folder, env: environment(folder) }
    const child = execFile(process.execPath, ['scripts/prepare.mjs'], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

test('nothing is installed where npm installed this lock file, by whose hand ever', async (t) => {
  t.deepEqual(await prepare(await clone(t)), { code: 0, stdout: '', stderr: '' })
})

test('npm ci is run where a folder is gone, a version is another, or npm did not finish; a failure says what to do', async (t) => {
  const broken: readonly ((folder: string) => Promise<void>)[] = [
    (folder) => rm(join(folder, 'node_modules/a/node_modules/b'), { recursive: true }),
    (folder) => rm(join(folder, 'node_modules/.package-lock.json')),
    (folder) => writeFile(join(folder, 'node_modules/.package-lock.json'), '{"packages'),
    async (folder) => {
      const lock = join(folder, 'package-lock.json')
      await writeFile(lock, (await readFile(lock, 'utf8')).replace('2.0.0', '2.0.1'))
    },
  ]
  for (const harm of broken) {
    const folder = await clone(t)
    await harm(folder)
    const { code, stdout, stderr } = await prepare(folder)
    t.is(code, 1)
    t.regex(stdout, /^npm ci --ignore-scripts /)
    t.regex(stderr, /could not be installed.*Run this again/)
    t.regex(stderr, /Without a network, copy the folder node_modules/)
  }
})

test('a linked node_modules is used when it is whole, and never emptied', async (t) => {
  const folder = await clone(t)
  const shared = join(folder, 'shared')
  await rename(join(folder, 'node_modules'), shared)
  await symlink(shared, join(folder, 'node_modules'))
  t.is((await prepare(folder)).code, 0)
  await rm(join(shared, 'a/package.json'))
  const { code, stdout, stderr } = await prepare(folder)
  t.deepEqual({ code, stdout }, { code: 1, stdout: '' })
  t.regex(stderr, /node_modules is a link to .*shared, where not all packages/)
})

test('a build with errors is made again, though the compiler wrote its files', async (t) => {
  const folder = await clone(t)
  const compiler = "require('fs').writeFileSync('dist/main.js', ''); process.exitCode = 1"
  await mkdir(join(folder, 'node_modules/typescript/bin'), { recursive: true })
  await writeFile(join(folder, 'node_modules/typescript/bin/tsc'), compiler)
  await rm(join(folder, 'dist/main.js'))
  for (const attempt of [1, 2]) {
    const { code, stderr } = await prepare(folder)
    t.is(code, 1, `attempt ${attempt}`)
    t.regex(stderr, /^Building/)
  }
})

test('a signal ends npm before us', async (t) => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const folder = await clone(t)
    await rm(join(folder, 'node_modules'), { recursive: true })
    const child = spawn(process.execPath, ['scripts/prepare.mjs'], {
      cwd: folder,
      env: environment(folder, { HANG: '1' }),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(child.stdout, 'data')
    child.kill(signal)
    // The pipe is npm's, too: it closes when the last of both has ended.
    t.is(await closed(child), code)
  }
})

async function closed(child: ChildProcess): Promise<unknown> {
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(20_000) })
  return code
}
