// Where each loader comes from: tftproot first, then packages, else the package to install.

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { arch } from 'node:process'
import test, { type ExecutionContext } from 'ava'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import type { LoaderFile } from '../../src/boot/table.ts'
import { findLoaders } from '../../src/catalog/loaders.ts'
import type { Bootloader } from '../../src/model.ts'

const bios = [bootloader({ name: 'pxelinux', file: 'pxelinux.0' })]

type Found = {
  loaders: ReadonlyMap<string, LoaderFile>
  modules: ReadonlyMap<string, string>
  warnings: readonly string[]
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

/** Searches a made-up machine: files of its packages, of its tftproot, and its /etc/os-release. */
async function search(
  t: ExecutionContext,
  given: {
    system?: readonly string[]
    tftproot?: Readonly<Record<string, string>>
    release?: string
    bootloaders?: readonly Bootloader[]
  },
): Promise<Found & { system: string; root: string }> {
  const base = await mkdtemp(join(tmpdir(), 'pxe-pilot-loaders-'))
  t.teardown(() => rm(base, { recursive: true, force: true }))
  const system = join(base, 'system')
  const root = join(base, 'tftproot')
  await mkdir(root)
  await put(join(system, 'etc/os-release'), given.release ?? 'ID=debian\n')
  for (const path of given.system ?? []) await put(join(system, path), '')
  for (const [path, content] of Object.entries(given.tftproot ?? {})) await put(join(root, path), content)
  const bootloaders = given.bootloaders ?? bios
  const found = await findLoaders({ bootloaders, tftproot: root, links: 'inside', system })
  return {
    loaders: new Map(found.loaders),
    modules: new Map(found.modules),
    warnings: found.warnings,
    system,
    root,
  }
}

const debian = [
  'usr/lib/PXELINUX/pxelinux.0',
  'usr/lib/PXELINUX/lpxelinux.0',
  'usr/lib/syslinux/memdisk',
  'usr/lib/syslinux/modules/bios/ldlinux.c32',
  'usr/lib/syslinux/modules/bios/menu.c32',
  'usr/lib/SYSLINUX.EFI/efi64/syslinux.efi',
  'usr/lib/syslinux/modules/efi64/ldlinux.e64',
  'usr/lib/syslinux/modules/efi64/menu.c32',
  'usr/lib/SYSLINUX.EFI/efi32/syslinux.efi',
  'usr/lib/syslinux/modules/efi32/ldlinux.e32',
]

test('a bootloader without a file, as the original took it, is told with what to add', async (t) => {
  const { loaders, warnings } = await findLoaders({
    bootloaders: [bootloader({ name: 'grub2' })],
    tftproot: undefined,
    links: 'inside',
    system: '/nowhere',
  })
  t.deepEqual([...loaders], [])
  t.regex(
    warnings.join(),
    /^the bootloader grub2 has no file, .* add one to it in configuration\.bootloaders/,
  )
})

test("Debian's packages serve every loader and module under the name its clients ask", async (t) => {
  const { loaders, warnings, system } = await search(t, { system: debian, bootloaders: builtInBootloaders })
  t.deepEqual(warnings, [])
  for (const [name, path] of [
    ['pxelinux.0', 'usr/lib/PXELINUX/pxelinux.0'],
    ['lpxelinux.0', 'usr/lib/PXELINUX/lpxelinux.0'],
    ['memdisk', 'usr/lib/syslinux/memdisk'],
    ['ldlinux.c32', 'usr/lib/syslinux/modules/bios/ldlinux.c32'],
    ['menu.c32', 'usr/lib/syslinux/modules/bios/menu.c32'],
    ['efi64/syslinux.efi', 'usr/lib/SYSLINUX.EFI/efi64/syslinux.efi'],
    ['efi64/ldlinux.e64', 'usr/lib/syslinux/modules/efi64/ldlinux.e64'],
    ['efi64/menu.c32', 'usr/lib/syslinux/modules/efi64/menu.c32'],
    ['efi32/ldlinux.e32', 'usr/lib/syslinux/modules/efi32/ldlinux.e32'],
  ] as const) {
    t.deepEqual(loaders.get(name), { from: 'system', path: join(system, path) }, name)
  }
})

for (const [distribution, folder] of [
  ['fedora', 'usr/share/syslinux'],
  ['arch', 'usr/lib/syslinux/bios'],
  ['alpine', 'usr/share/syslinux'],
] as const) {
  test(`${distribution}'s folder is known`, async (t) => {
    const system = [`${folder}/pxelinux.0`, `${folder}/ldlinux.c32`]
    const { loaders, warnings } = await search(t, { system, release: `ID=${distribution}\n` })
    t.is(loaders.get('pxelinux.0')?.from, 'system')
    t.is(loaders.get('ldlinux.c32')?.from, 'system')
    t.deepEqual(warnings, [])
  })
}

for (const [release, command] of [
  ['ID=debian\n', 'apt-get install pxelinux'],
  ['ID=ubuntu\nID_LIKE=debian\n', 'apt-get install pxelinux'],
  ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'dnf install syslinux-nonlinux'],
  ['ID=arch\n', 'pacman -S syslinux'],
  ['ID=alpine\n', 'apk add syslinux'],
  ['ID=nixos\n', 'install the package that brings it (pxelinux on Debian and Ubuntu)'],
] as const) {
  test(`a missing loader names the package of ${release.split('\n')[0] ?? ''}`, async (t) => {
    const { loaders, warnings, root } = await search(t, { release })
    const remedy = `pxelinux.0 is missing: ${command} (or put it into ${root})`
    t.deepEqual(loaders.get('pxelinux.0'), { from: 'nowhere', remedy })
    t.deepEqual(warnings, [remedy])
  })
}

test('tftproot goes before the packages', async (t) => {
  const tftproot = { 'pxelinux.0': 'PXELINUX 6.04 PXE 2', 'ldlinux.c32': '' }
  const { loaders, warnings } = await search(t, { system: debian, tftproot })
  t.deepEqual(loaders.get('pxelinux.0'), { from: 'tftproot' })
  t.deepEqual(loaders.get('ldlinux.c32'), { from: 'tftproot' })
  t.is(loaders.get('menu.c32')?.from, 'system')
  t.deepEqual(warnings, [])
})

test('a loader without its companion counts as missing, with the remedy for the companion', async (t) => {
  const { loaders, root } = await search(t, {
    system: ['usr/lib/PXELINUX/pxelinux.0', 'usr/lib/SYSLINUX.EFI/efi64/syslinux.efi'],
    bootloaders: builtInBootloaders,
  })
  t.deepEqual(loaders.get('pxelinux.0'), {
    from: 'nowhere',
    remedy: `ldlinux.c32, which pxelinux.0 needs, is missing: apt-get install syslinux-common (or put it into ${root})`,
  })
  t.deepEqual(loaders.get('efi64/syslinux.efi'), {
    from: 'nowhere',
    remedy: `efi64/ldlinux.e64, which efi64/syslinux.efi needs, is missing: apt-get install syslinux-common (or put it into ${root}/efi64)`,
  })
})

test('PXELINUX 4 needs no companion', async (t) => {
  const old = await search(t, { tftproot: { 'pxelinux.0': '\0\0PXELINUX 4.05 20140113 ' } })
  t.deepEqual(old.loaders.get('pxelinux.0'), { from: 'tftproot' })
  t.deepEqual(old.warnings, [])
  const recent = await search(t, { tftproot: { 'pxelinux.0': '\0\0PXELINUX 5.00 ' } })
  t.is(recent.loaders.get('pxelinux.0')?.from, 'nowhere')
})

const utf16 = (text: string) => Buffer.from(text, 'utf16le').toString('latin1')
const shimOf = (second: string) => `MZ UEFI SHIM\n$Version: 15.8 $\n ${utf16(`\\\\${second}`)}`

for (const [what, tftproot, ready] of [
  ['without its GRUB', { 'bootaa64.efi': shimOf('grubaa64.efi') }, undefined],
  ['with its GRUB', { 'bootaa64.efi': shimOf('grubaa64.efi'), 'grubaa64.efi': 'G' }, 'bootaa64.efi'],
  ['that starts another GRUB', { 'bootaa64.efi': shimOf('grub.efi'), 'grub.efi': 'G' }, 'bootaa64.efi'],
  ['that starts iPXE', { 'shimx64.efi': shimOf('ipxe.efi'), 'grubx64.efi': 'G' }, undefined],
  ['in a folder, its GRUB above', { 'a/bootx64.efi': shimOf('grubx64.efi'), 'grubx64.efi': 'G' }, undefined],
  ['that is none but a GRUB', { 'bootaa64.efi': 'MZ GRUB grubaa64.efi' }, 'bootaa64.efi'],
] as const) {
  test(`a shim in tftproot ${what}`, async (t) => {
    const [file = ''] = Object.keys(tftproot)
    const own = builtInBootloaders.find((loader) => loader.file === file) ?? bootloader({ name: 's', file })
    const { loaders, warnings } = await search(t, { tftproot, bootloaders: [own] })
    const loader = loaders.get(file)
    t.is(loader?.from, ready === undefined ? 'nowhere' : 'tftproot')
    const remedies = loader?.from === 'nowhere' ? [loader.remedy] : []
    t.deepEqual(warnings, remedies)
    const second = file === 'shimx64.efi' ? 'ipxe.efi' : file.replace('boot', 'grub')
    const start = `${second}, which ${file} needs, is missing: `
    for (const remedy of remedies) t.true(remedy.startsWith(start), remedy)
  })
}

test('a shim in tftproot is happy with the GRUB of a package', async (t) => {
  const { loaders, warnings } = await search(t, {
    system: ['usr/lib/shim/shimx64.efi.signed', 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'],
    tftproot: { 'bootx64.efi': shimOf('grubx64.efi') },
    bootloaders: [bootloader({ name: 'grub', file: 'bootx64.efi' })],
  })
  t.is(loaders.get('bootx64.efi')?.from, 'tftproot')
  t.is(loaders.get('grubx64.efi')?.from, 'system')
  t.deepEqual(warnings, [])
})

test('a loader and a companion from two places are told to be of one version', async (t) => {
  const { loaders, warnings } = await search(t, {
    system: debian,
    tftproot: { 'pxelinux.0': 'PXELINUX 6.03 ' },
  })
  t.is(loaders.get('pxelinux.0')?.from, 'tftproot')
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /pxelinux\.0 is in tftproot, but ldlinux\.c32 comes from the distribution/)
})

test('a loader of another family, or in another folder', async (t) => {
  const bootloaders = [
    bootloader({ name: 'grub', file: 'grub/grubx64.efi' }),
    bootloader({ name: 'old', file: 'bios/lpxelinux.0' }),
  ]
  const { loaders, root } = await search(t, { system: debian, bootloaders })
  t.deepEqual(loaders.get('grub/grubx64.efi'), {
    from: 'nowhere',
    remedy: `grub/grubx64.efi is missing: apt-get install grub-efi-amd64-signed (or put it into ${root}/grub)`,
  })
  t.is(loaders.get('bios/lpxelinux.0')?.from, 'system')
  t.is(loaders.get('bios/ldlinux.c32')?.from, 'system')
  t.false(loaders.has('ldlinux.c32'))
})

test('a link out of tftproot is no loader, unless links may lead anywhere', async (t) => {
  const { root, system } = await search(t, {})
  const outside = join(system, 'elsewhere.0')
  await writeFile(outside, 'PXELINUX 4.07 ')
  await symlink(outside, join(root, 'pxelinux.0'))
  const found = async (links: 'inside' | 'anywhere') =>
    new Map((await findLoaders({ bootloaders: bios, tftproot: root, links, system })).loaders)
  t.is((await found('inside')).get('pxelinux.0')?.from, 'nowhere')
  t.is((await found('anywhere')).get('pxelinux.0')?.from, 'tftproot')
})

const shim = 'usr/lib/shim/shimx64.efi.signed'
const signedGrub = 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'
const plainGrub = 'usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi'

const shimless =
  'bootx64.efi is GRUB without shim: Secure Boot refuses it; apt-get install shim-signed grub-efi-amd64-signed'

const kits: readonly {
  readonly given: string
  readonly system: readonly string[]
  readonly serves: Readonly<Record<string, string>>
  readonly refused?: string
}[] = [
  {
    given: "Debian's shim and signed GRUB, each under the name its client asks",
    system: [shim, 'usr/lib/shim/mmx64.efi.signed', signedGrub, plainGrub],
    serves: {
      'bootx64.efi': shim,
      'grubx64.efi': signedGrub,
      'mmx64.efi': 'usr/lib/shim/mmx64.efi.signed',
    },
  },
  {
    given: 'shim without a GRUB that it would take: GRUB alone',
    system: [shim, plainGrub],
    serves: { 'bootx64.efi': plainGrub },
    refused: shimless,
  },
  {
    given: 'signed GRUB without shim: served, and said to be refused by Secure Boot',
    system: [signedGrub],
    serves: { 'bootx64.efi': signedGrub },
    refused: shimless,
  },
  {
    given: "Fedora's",
    system: ['boot/efi/EFI/fedora/shimx64.efi', 'boot/efi/EFI/fedora/grubx64.efi'],
    serves: {
      'bootx64.efi': 'boot/efi/EFI/fedora/shimx64.efi',
      'grubx64.efi': 'boot/efi/EFI/fedora/grubx64.efi',
    },
  },
  {
    given: "Debian's for arm64",
    system: ['usr/lib/shim/shimaa64.efi.signed', 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed'],
    serves: {
      'bootaa64.efi': 'usr/lib/shim/shimaa64.efi.signed',
      'grubaa64.efi': 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
    },
  },
  {
    given: "Debian's iPXE",
    system: ['usr/lib/ipxe/undionly.kpxe', 'usr/lib/ipxe/snponly.efi', 'usr/lib/ipxe/ipxe.efi'],
    serves: {
      'undionly.kpxe': 'usr/lib/ipxe/undionly.kpxe',
      'snponly.efi': 'usr/lib/ipxe/snponly.efi',
      'ipxe.efi': 'usr/lib/ipxe/ipxe.efi',
    },
  },
  {
    given: "Fedora's iPXE goes by other names",
    system: [
      'usr/share/ipxe/undionly.kpxe',
      'usr/share/ipxe/ipxe-snponly-x86_64.efi',
      'usr/share/ipxe/ipxe-x86_64.efi',
    ],
    serves: {
      'undionly.kpxe': 'usr/share/ipxe/undionly.kpxe',
      'snponly.efi': 'usr/share/ipxe/ipxe-snponly-x86_64.efi',
      'ipxe.efi': 'usr/share/ipxe/ipxe-x86_64.efi',
    },
  },
]

for (const { given, system: files, serves, refused } of kits) {
  test(given, async (t) => {
    const { loaders, system } = await search(t, { system: files, bootloaders: builtInBootloaders })
    const others = ['bootx64.efi', 'grubx64.efi', 'mmx64.efi'].filter((name) => !(name in serves))
    for (const [name, path] of Object.entries(serves)) {
      const file = { from: 'system', path: join(system, path) }
      t.deepEqual(loaders.get(name), refused === undefined ? file : { ...file, refused }, name)
    }
    for (const name of others) t.not(loaders.get(name)?.from, 'system', name)
  })
}

test('the modules of GRUB are served under the prefix of each of its builds', async (t) => {
  const { system, modules } = await search(t, { system: ['usr/lib/grub/x86_64-efi/normal.mod'] })
  const folder = join(system, 'usr/lib/grub/x86_64-efi')
  t.deepEqual(
    [...modules],
    [
      ['grub/x86_64-efi', folder],
      ['boot/grub/x86_64-efi', folder],
      ['debian-installer/amd64/grub/x86_64-efi', folder],
    ],
  )
})

test('a loader that no package brings: where its makers have it', async (t) => {
  const bootloaders = builtInBootloaders.filter(({ name }) => name === 'ipxe-arm64')
  const debian12 = await search(t, { bootloaders })
  t.deepEqual(debian12.loaders.get('ipxe-arm64.efi'), {
    from: 'nowhere',
    remedy: `ipxe-arm64.efi is missing: put https://boot.ipxe.org/arm64-efi/ipxe.efi into ${debian12.root}, under this name`,
  })
  const fedora = await search(t, { bootloaders, release: 'ID=fedora\n' })
  const loader = fedora.loaders.get('ipxe-arm64.efi')
  t.regex(loader?.from === 'nowhere' ? loader.remedy : '', /: dnf install ipxe-bootimgs-aarch64 \(or put it/)
})

test('loaders of the built-in list that few need are not complained about at the start', async (t) => {
  const { loaders, warnings, root } = await search(t, { system: debian, bootloaders: builtInBootloaders })
  t.deepEqual(warnings, [])
  const core = loaders.get('boot/grub/i386-pc/core.0')
  const made = `grub-pc-bin; grub-mknetdir --net-directory=${root} --subdir=/boot/grub makes it there`
  t.true(core?.from === 'nowhere' && core.remedy.includes(made))
  if (arch !== 'x64') return
  const arm = loaders.get('bootaa64.efi')
  // Installed it would want mokutil:arm64 in the place of this machine's.
  t.regex(
    arm?.from === 'nowhere' ? arm.remedy : '',
    /dpkg --add-architecture arm64, .*apt-get download shim-signed:arm64 grub-\S+:arm64, and dpkg -x FILE \/ for each/,
  )
  const ppc = loaders.get('boot/grub/powerpc-ieee1275/core.elf')
  t.regex(
    ppc?.from === 'nowhere' ? ppc.remedy : '',
    /apt-get install grub-common, dpkg .*apt-get download grub-ieee1275-bin:ppc64el, /,
  )
})
