// The folders of httproot, for people who look at them with a browser, and for nobody else.

import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { tree } from '../folder.ts'
import { ask } from './raw.ts'
import { serveFiles } from './site.ts'

const browser = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' }

function makeTree() {
  const httproot = tree({
    'debian/linux': 'x'.repeat(3 * 1024 * 1024),
    'debian/initrd.gz': 'x'.repeat(1500),
    'debian/.htpasswd': 'secret',
    'a b+~ü&"\'<script>alert(1)/100%.txt': 'odd',
    zeta: '',
    alpha: '1',
    '.git/config': 'secret',
    '.treeinfo': 'tree',
  })
  utimesSync(join(httproot, 'debian/linux'), 1_700_000_000, 1_700_000_000)
  return httproot
}

/** The path and the text of each link. */
function linksOf(page: string): readonly (readonly [string, string])[] {
  return Array.from(page.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g), ([, path = '', text = '']) => [
    path,
    text,
  ])
}

test('a folder is listed with and without its slash, sorted, with sizes and dates, and without a redirect', async (t) => {
  const { url } = await serveFiles(t, { httproot: makeTree(), listing: true })
  const root = await ask(url, '/', browser)
  t.is(root.status, 200)
  t.is(root.headers['content-type'], 'text/html; charset=utf-8')
  t.is(root.headers['content-length'], String(root.body.length))
  const names = linksOf(root.body.toString()).map(([, text]) => text)
  t.deepEqual(names.slice(1), ['debian/', 'alpha', 'zeta'], 'folders first, no dot files')
  for (const path of ['/debian', '/debian/', '//debian/./']) {
    const { status, body } = await ask(url, path, browser)
    t.is(status, 200, path)
    const page = body.toString()
    t.deepEqual(linksOf(page), [
      ['/', '..'],
      ['/debian/initrd.gz', 'initrd.gz'],
      ['/debian/linux', 'linux'],
    ])
    t.regex(page, /linux<\/a><\/td>\s*<td class="size">3\.0 MiB<\/td>\s*<td>2023-11-14 22:13</)
    t.regex(page, /initrd\.gz<\/a><\/td>\s*<td class="size">1\.5 KiB</)
  }
  const head = await ask(url, '/debian/', browser, 'HEAD')
  t.is(head.status, 200)
  t.is(head.body.length, 0)
})

test('whatever a file is called, its name is text, and its link leads to it', async (t) => {
  const { url } = await serveFiles(t, { httproot: makeTree(), listing: true })
  const root = (await ask(url, '/', browser)).body.toString()
  t.notRegex(root, /<script/)
  const odd = linksOf(root).find(([path]) => path.includes('script'))?.[0] ?? ''
  const folder = await ask(url, odd, browser)
  t.is(folder.status, 200)
  t.notRegex(folder.body.toString(), /<script/)
  const file = linksOf(folder.body.toString()).find(([, text]) => text === '100%.txt')?.[0] ?? ''
  t.is((await ask(url, file, browser)).body.toString(), 'odd')
  t.regex(String(folder.headers['content-security-policy']), /default-src 'none'/)
})

test('links are listed when they stay in the root', async (t) => {
  const httproot = makeTree()
  symlinkSync('debian', join(httproot, 'stable'))
  symlinkSync('alpha', join(httproot, 'beta'))
  symlinkSync(tree({ secret: 'secret' }), join(httproot, 'outside'))
  symlinkSync('/etc/passwd', join(httproot, 'passwd'))
  symlinkSync('nowhere', join(httproot, 'broken'))
  const { url } = await serveFiles(t, { httproot, listing: true })
  const names = linksOf((await ask(url, '/', browser)).body.toString()).map(([, text]) => text)
  t.deepEqual(names.slice(1), ['debian/', 'stable/', 'alpha', 'beta', 'zeta'])
  t.is((await ask(url, '/outside/', browser)).status, 403)
})

test('never for what is hidden, outside, or a file of that name; nor for firmware and loaders', async (t) => {
  const httproot = makeTree()
  mkdirSync(join(httproot, 'grub'))
  const tftproot = tree({ grub: 'the file' })
  writeFileSync(join(httproot, 'debian.tmpl'), 'the template')
  const { url } = await serveFiles(t, { httproot, tftproot, listing: true })
  t.is((await ask(url, '/grub', browser)).body.toString(), 'the file')
  t.is((await ask(url, '/debian', browser)).body.toString(), 'the template')
  for (const [path, status] of [
    ['/.git/', 404],
    ['/..', 403],
    ['/%2e%2e/', 403],
    ['/missing/', 404],
    ['/pxelinux.cfg/', 404],
  ] as const) {
    t.is((await ask(url, path, browser)).status, status, path)
  }
  for (const agent of ['UefiHttpBoot/1.0', 'iPXE/1.21.1+git-20220113']) {
    for (const path of ['/', '/debian.d/', '/grub/x']) {
      t.is((await ask(url, path, { 'User-Agent': agent })).status, 404, path)
    }
  }
})

test('off unless it is set', async (t) => {
  const { url } = await serveFiles(t, { httproot: makeTree() })
  t.is((await ask(url, '/', browser)).status, 404)
  t.is((await ask(url, '/debian/', browser)).status, 403)
})
