// The decision, row by row: docs/decisions/0006-what-a-machine-gets.md is this table for people.

import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { decide, type Answer, type Decision, type Rule, type Site } from '../../src/boot/decide.ts'
import type { Facts } from '../../src/boot/facts.ts'
import { localBoot } from '../../src/boot/render.ts'
import { Addresses } from '../../src/boot/addresses.ts'
import { applyDelta, emptyTable, type Catalog, type Change, type LoaderFile } from '../../src/boot/table.ts'
import type { Configuration, Host, Language, OneText } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'

const mac = (text: string): Mac => parseMac(text) ?? ('' as Mac)
const ip = (text: string): Ipv4 => parseIpv4(text) ?? (0 as Ipv4)

export const server = ip('10.77.0.1')
export const h1 = mac('52:54:00:00:00:01')
const h1second = mac('52:54:00:00:00:11')
const stranger = mac('52:54:00:00:00:99')
const pi = mac('dc:a6:32:00:00:01')
export const leased = ip('10.77.0.129')

const host = (name: string, macs: Mac[], more: Partial<Host> = {}): Host => ({
  name,
  macs,
  origin: 'settings',
  locked: false,
  vars: {},
  options: [],
  ...more,
})

const configuration = (
  name: string,
  text: string,
  language: Language = 'pxelinux',
  template = false,
): Configuration => ({
  name,
  forms: [{ language, file: `conf/${name}`, text, template }],
})

const inFolders = (name: string, language: Language, ...folders: readonly string[]): Configuration => ({
  name,
  forms: folders.map((folder) => ({
    folder,
    language,
    file: `conf/${folder}/${name}`,
    text: `of ${folder}`,
    template: false,
  })),
})

/** NAME.yml with these kernels. */
const kernels = (
  name: string,
  kernel: OneText['kernel'],
  words: OneText['arguments'] = {},
): Configuration => ({
  name,
  forms: (['pxelinux', 'grub', 'ipxe'] as const).map((language) => ({
    language,
    file: `conf/${name}.yml`,
    text: '',
    template: true,
    oneText: { kernel, initrds: {}, arguments: words },
  })),
})

const installed: LoaderFile = { from: 'system', path: '/usr/lib/PXELINUX/pxelinux.0' }

const catalog: Catalog = {
  configurations: [
    configuration('ubuntu', 'DEFAULT ubuntu'),
    configuration(
      'seed',
      'APPEND url=${http}/seed mac=${mac} ip=${ip} host=${hostname} rack=${rack}',
      'pxelinux',
      true,
    ),
    configuration('only-grub', 'menuentry "x" {}', 'grub'),
    configuration('script', '#!ipxe', 'ipxe'),
    configuration(
      'disk',
      '# replaces /boot/grub/grub.cfg\nconfigfile (hd0,1)/boot/grub/grub.cfg\nconfigfile (tftp)/grub/grub.cfg',
      'grub',
    ),
    configuration('goes-on', 'configfile /debian-installer/amd64/grub/grub.cfg', 'grub'),
    {
      name: 'several',
      forms: (['pxelinux', 'grub', 'ipxe', 'rpi'] as const).map((language) => ({
        language,
        file: `conf/${language}/several`,
        text: `in ${language}`,
        template: false,
      })),
    },
    {
      name: 'by-http',
      forms: [
        {
          folder: 'lpxelinux',
          language: 'pxelinux',
          file: 'conf/lpxelinux/by-http',
          text: '',
          template: false,
        },
      ],
    },
    inFolders('by-firmware', 'pxelinux', 'bios', 'efi'),
    inFolders('by-grub', 'grub', 'grub', 'grub-arm64'),
    inFolders('arm-grub', 'grub', 'grub-arm64'),
    inFolders('own-ipxe', 'ipxe', 'ipxe-efi'),
    {
      name: 'urls',
      forms: [
        {
          language: 'pxelinux',
          file: 'conf/urls',
          text: 'LINUX http://x/linux',
          template: false,
          byUrl: true,
        },
      ],
    },
    kernels('with-extra', { every: { text: 'linux', line: 1 } }, { every: [{ text: '${extra}', line: 2 }] }),
    kernels('for-arm', { arm64: { text: 'arm/linux', line: 1 } }),
    kernels('for-each', { x64: { text: 'x64/linux', line: 1 }, arm64: { text: 'arm/linux', line: 2 } }),
  ],
  menus: [],
  loaders: [
    ['pxelinux.0', installed],
    [
      'efi64/syslinux.efi',
      { from: 'nowhere', remedy: 'efi64/syslinux.efi is missing: apt-get install syslinux-efi' },
    ],
    ['efi32/syslinux.efi', { from: 'tftproot' }],
  ],
}

const site: Site = {
  bootloaders: builtInBootloaders,
  default: null,
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
}

/** A text by what stands in it. */
export type Shown = { readonly kind: 'shown'; readonly text: RegExp }

export type Row = {
  readonly given: string
  readonly facts: Partial<Facts>
  readonly table?: readonly Change[]
  readonly catalog?: Partial<Catalog>
  readonly site?: Partial<Site>
  readonly expect: Rule
  readonly answers: readonly (Answer | Shown)[]
  readonly because?: RegExp
}

/** Every loader of the built-in list is there. */
const stocked: Partial<Catalog> = {
  loaders: builtInBootloaders.map(({ file }) => [file, { from: 'tftproot' }]),
}

/** None but these. */
const only = (...names: readonly string[]): Partial<Catalog> => ({
  loaders: names.map((name) => [name, { from: 'tftproot' }]),
})

/** Two bootloaders of one language. */
const twoFirmwares: Partial<Site> = {
  bootloaders: [
    bootloader({ name: 'bios', file: 'pxelinux.0' }),
    bootloader({ name: 'efi', file: 'efi64/syslinux.efi' }),
  ],
}

const loader = { kind: 'loader' } as const
export const path = (text: string) => ({ kind: 'path', path: text }) as const
function holds(address: Ipv4, by: Mac): Change {
  const addresses = new Addresses()
  addresses.set(address, by)
  return { kind: 'addresses', shared: addresses.shared }
}

const deployed = (name: string, to = 'h1'): Change => ({ kind: 'assignment', host: to, configuration: name })
const sent = (file: string, ...secondsAgo: readonly number[]) =>
  secondsAgo.map((seconds) => ({ file, agoMs: seconds * 1000 }))
const boot = (file: string, url?: string): Extract<Answer, { kind: 'boot' }> => ({
  kind: 'boot',
  server,
  file,
  url,
})
const text = (body: string): Answer => ({ kind: 'text', body })
const shown = (part: RegExp): Shown => ({ kind: 'shown', text: part })
const file = (name: string): Answer => ({ kind: 'file', root: 'tftp', path: name })

export const rows: readonly Row[] = [
  // What a DHCP client is offered.
  {
    given: 'a BIOS machine with a configuration',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'its second card',
    facts: { mac: h1second, archs: [0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'a client without option 93 is a BIOS',
    facts: { mac: h1, archs: [], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'several architectures: the first known one counts',
    facts: { mac: h1, archs: [999, 6, 0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('efi32/syslinux.efi')],
  },
  {
    given: 'an architecture nobody knows',
    facts: { mac: h1, archs: [31], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'unknown-firmware',
    answers: [],
    because: /architecture 31/,
  },
  {
    given: 'the host says its firmware, whatever option 93 says',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [{ kind: 'host', host: host('h1', [h1], { firmware: 'uefi-ia32' }) }, deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('efi32/syslinux.efi')],
  },
  {
    given: 'a loader that is nowhere is never offered, and the package is named',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'loader-missing',
    answers: [],
    because: /apt-get install syslinux-efi/,
  },
  {
    given: 'a configuration that nothing of this firmware can run',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('only-grub')],
    site: { bootloaders: [bootloader({ name: 'pxelinux', file: 'pxelinux.0' })] },
    expect: 'no-form',
    answers: [boot('pxelinux.0')],
    because: /its screen says so; write it as conf\/only-grub\.yml, or as conf\/pxelinux\/only-grub$/,
  },
  {
    given: 'nothing deployed: left alone',
    facts: { mac: stranger, archs: [0], asks: loader },
    expect: 'no-configuration',
    answers: [],
    because: /52:54:00:00:00:99/,
  },
  {
    given: 'nothing deployed, but an admin made pxelinux.cfg/default',
    facts: { mac: stranger, archs: [0], asks: loader },
    catalog: { menus: ['pxelinux.cfg/default'] },
    expect: 'menu-file',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'nothing deployed, and a file of its own MAC',
    facts: { mac: stranger, archs: [0], asks: loader },
    catalog: { menus: ['pxelinux.cfg/01-52-54-00-00-00-99'] },
    expect: 'menu-file',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'nothing deployed, and a default configuration',
    facts: { mac: stranger, archs: [0], asks: loader },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'the configuration vanished: local, never the default',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('gone')],
    site: { default: 'ubuntu' },
    expect: 'vanished',
    answers: [boot('pxelinux.0')],
    because: /gone/,
  },
  {
    given: 'the configuration has a fault, and no version from before it',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('slip')],
    catalog: { broken: [['slip', 'slip.yml line 2: initrds is unknown']] },
    expect: 'vanished',
    answers: [boot('pxelinux.0')],
    because:
      /configuration slip of h1 has a fault \(slip\.yml line 2: initrds is unknown\), so it boots local/,
  },
  {
    given: 'local needs no file',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('local')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'local by withholding the offer',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('local')],
    site: { localMethod: 'withhold' },
    expect: 'local-withheld',
    answers: [],
  },
  {
    given: 'local and HTTP boot: no offer, or the firmware would never reach the disk',
    facts: { mac: h1, archs: [16], agent: 'httpboot', asks: loader },
    table: [deployed('local')],
    expect: 'local-withheld',
    answers: [],
  },
  {
    given: 'iPXE and a configuration without a script: the loader of its architecture',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'iPXE and a configuration with a script: the script, never a binary',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('script')],
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  {
    given: 'an iPXE without HTTP and a configuration with a script: the script, by TFTP',
    facts: { mac: h1, archs: [0], agent: 'ipxe', lacksHttp: true, asks: loader },
    table: [deployed('script')],
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01')],
  },
  {
    given:
      'iPXE on local, where iPXE itself is the only loader: the built-in script, never the binary again (P09)',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('local')],
    site: { bootloaders: [bootloader({ name: 'ipxe', file: 'undionly.kpxe' })] },
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  // What a per-host name gets.
  {
    given: 'pxelinux.cfg/01-mac of a host with a configuration',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the same as Windows and PXE ROMs spell it',
    facts: { asks: path('\\pxelinux.cfg//01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the same below a loader’s own folder',
    facts: { asks: path('efi64/pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the MAC in the path counts, whoever asks',
    facts: { mac: stranger, asks: path('pxelinux.cfg/01-52-54-00-00-00-11') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the address in hexadecimal: the host that has the lease',
    facts: { asks: path('pxelinux.cfg/0A4D0081') },
    table: [holds(leased, h1), deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'a shortened address that another one begins with names no single machine: only a real file',
    facts: { mac: h1, asks: path('pxelinux.cfg/0A4D00') },
    table: [deployed('ubuntu')],
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/0A4D00')],
    because: /^0A4D00 begins no address of who asks/,
  },
  {
    given: 'the beginning of the address that asks: the machine there',
    facts: { mac: h1, ip: ip('127.0.0.1'), asks: path('pxelinux.cfg/7F00') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given:
      'the beginning of the address that asks, and nothing is deployed: never the default, which comes later',
    facts: { mac: stranger, ip: ip('127.0.0.1'), asks: path('grub/grub.cfg-7F0') },
    site: { default: 'several' },
    expect: 'menu-file',
    answers: [file('grub/grub.cfg-7F0')],
  },
  {
    given: 'the address in hexadecimal that is reserved for a host, before it has the lease, whoever asks',
    facts: { mac: stranger, ip: ip('127.0.0.1'), asks: path('pxelinux.cfg/0A4D000B') },
    table: [{ kind: 'host', host: host('h1', [h1], { ip: ip('10.77.0.11') }) }, deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the address in hexadecimal of nobody: not the configuration of who asks',
    facts: { mac: h1, ip: ip('127.0.0.1'), asks: path('pxelinux.cfg/0A4D000C') },
    table: [deployed('ubuntu')],
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/0A4D000C')],
    because: /^nothing is deployed to 10\.77\.0\.12;/,
  },
  {
    given: 'a template for a machine that another one asks for: its own address',
    facts: { mac: stranger, ip: ip('127.0.0.1'), asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [
      { kind: 'host', host: host('h1', [h1], { ip: ip('10.77.0.11'), vars: { rack: 'r7' } }) },
      deployed('seed'),
    ],
    expect: 'assigned',
    answers: [text('APPEND url=http://10.77.0.1/seed mac=52:54:00:00:00:01 ip=10.77.0.11 host=h1 rack=r7')],
  },
  {
    given: 'default, asked by a host with a configuration',
    facts: { mac: h1, asks: path('pxelinux.cfg/default') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'default, asked by a machine with nothing: a real file, or nothing',
    facts: { mac: stranger, asks: path('pxelinux.cfg/default') },
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/default')],
  },
  {
    given: 'a default configuration comes behind a real file of the name asked',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-99') },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [file('pxelinux.cfg/01-52-54-00-00-00-99'), text('DEFAULT ubuntu')],
  },
  {
    given: 'a vanished configuration: the built-in local',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('gone')],
    expect: 'vanished',
    answers: [text(localBoot('pxelinux'))],
  },
  {
    given: 'a template: variables of the client, the host and its settings',
    facts: { ip: leased, asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [{ kind: 'host', host: host('h1', [h1], { vars: { rack: 'r7' } }) }, deployed('seed')],
    expect: 'assigned',
    answers: [text('APPEND url=http://10.77.0.1/seed mac=52:54:00:00:00:01 ip=10.77.0.129 host=h1 rack=r7')],
  },
  {
    given: 'a template whose variable has no value',
    facts: { ip: leased, asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('seed')],
    expect: 'broken-template',
    answers: [
      shown(
        /^SAY PXE Pilot: h1 is to boot seed,\nSAY but conf\/seed line 1: h1 has no variable rack\.\n[^]*LOCALBOOT 0/,
      ),
    ],
    because: /conf\/seed line 1: h1 has no variable rack/,
  },
  {
    given: 'GRUB asks for its own language and there is none',
    facts: { asks: path('grub/grub.cfg-01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'no-form',
    answers: [
      shown(
        /echo 'PXE Pilot: h1 is to boot ubuntu,'\n *echo 'which is written for pxelinux, and this is GRUB \(missing on the server: efi64\/syslinux.efi\)\.'/,
      ),
    ],
  },
  {
    given: 'GRUB with colons, and local',
    facts: { asks: path('grub/grub.cfg-01-52:54:00:00:00:01') },
    table: [deployed('local')],
    expect: 'assigned',
    answers: [text(localBoot('grub'))],
  },
  // Plain files.
  {
    given: 'a file by TFTP',
    facts: { asks: path('/ubuntu/1604/linux') },
    expect: 'file',
    answers: [file('ubuntu/1604/linux')],
  },
  {
    given: 'a loader that tftproot may lack: the root first, then the distribution',
    facts: { asks: path('pxelinux.0') },
    expect: 'file',
    answers: [file('pxelinux.0'), { kind: 'loader', path: '/usr/lib/PXELINUX/pxelinux.0' }],
  },
  {
    given: 'a kernel asked for below a loader’s folder',
    facts: { asks: path('efi64//ubuntu/1604/linux') },
    expect: 'file',
    answers: [file('efi64/ubuntu/1604/linux'), file('ubuntu/1604/linux')],
  },
  {
    given: 'a kernel that an iPXE script names without a slash: iPXE looks beside the script',
    facts: { asks: path('ipxe.cfg/ubuntu/1604/linux') },
    expect: 'file',
    answers: [file('ipxe.cfg/ubuntu/1604/linux'), file('ubuntu/1604/linux')],
  },
  {
    given: 'climbing out of the root',
    facts: { asks: path('pxelinux.cfg/../../etc/passwd') },
    expect: 'refused',
    answers: [],
  },
  {
    given: 'climbing out with backslashes',
    facts: { asks: path('..\\..\\etc\\passwd') },
    expect: 'refused',
    answers: [],
  },
  { given: 'a NUL in the name', facts: { asks: path('linux\0.png') }, expect: 'refused', answers: [] },
  // One configuration, several loaders.
  {
    given: 'x64 UEFI and a configuration with several forms: GRUB behind shim, for Secure Boot',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('several')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('bootx64.efi')],
  },
  {
    given: 'x64 UEFI and a configuration in the language of PXELINUX: SYSLINUX',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('ubuntu')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('efi64/syslinux.efi')],
  },
  {
    given: 'arm64 UEFI and a configuration for GRUB',
    facts: { mac: h1, archs: [11], asks: loader },
    table: [deployed('only-grub')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('bootaa64.efi')],
  },
  {
    given: 'BIOS and a configuration for GRUB: the boot file follows the configuration',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('only-grub')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('boot/grub/i386-pc/core.0')],
  },
  {
    given: 'UEFI and a configuration that is a script: iPXE by the firmware’s driver',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('script')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('snponly.efi')],
  },
  {
    given: 'the folder of a bootloader names it: LPXELINUX, which fetches the rest by HTTP',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('by-http')],
    catalog: stocked,
    expect: 'assigned',
    answers: [{ ...boot('lpxelinux.0'), prefix: 'http://10.77.0.1/' }],
  },
  {
    given: 'a loader that is not there: another says so on the screen',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('only-grub')],
    expect: 'loader-missing',
    answers: [boot('pxelinux.0')],
    because: /core\.0 is not there; its screen says so/,
  },
  {
    given: 'nobody deployed to it, and the default does not fit: left alone',
    facts: { mac: stranger, archs: [0], asks: loader },
    site: { default: 'only-grub' },
    expect: 'loader-missing',
    answers: [],
  },
  {
    given: 'PXELINUX asks for a configuration that is not written for it: the screen says so',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('only-grub')],
    expect: 'no-form',
    answers: [shown(/^SAY PXE Pilot: h1 is to boot only-grub,\nSAY .*written for grub[^]*LOCALBOOT 0/)],
  },
  {
    given: 'iPXE asks for a configuration that is not written for it: the screen says so',
    facts: { asks: path('ipxe.cfg/01-52-54-00-00-00-01') },
    table: [deployed('only-grub')],
    expect: 'no-form',
    answers: [shown(/^#!ipxe\necho PXE Pilot: h1 is to boot only-grub,[^]*sleep 30/)],
  },
  // A bootloader's own folder is for it alone.
  {
    given: 'a folder for each of two bootloaders of one language: the one of its firmware',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('by-firmware')],
    catalog: stocked,
    site: twoFirmwares,
    expect: 'assigned',
    answers: [boot('efi64/syslinux.efi')],
  },
  {
    given: 'that one asks beside itself',
    facts: { asks: path('efi64/pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('by-firmware')],
    site: twoFirmwares,
    expect: 'assigned',
    answers: [text('of efi')],
  },
  {
    given: 'the other one asks at the top',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('by-firmware')],
    site: twoFirmwares,
    expect: 'assigned',
    answers: [text('of bios')],
  },
  {
    given: 'a GRUB, whose name does not tell: by the loader that the machine was sent',
    facts: { mac: h1, asks: path('/grub/grub.cfg'), recent: sent('bootaa64.efi', 2) },
    table: [deployed('by-grub')],
    expect: 'assigned',
    answers: [text('of grub-arm64')],
  },
  {
    given: 'the same of a machine that somebody else asks for: not by what was sent to that one',
    facts: {
      mac: stranger,
      asks: path('/grub/grub.cfg-01-52-54-00-00-00-01'),
      recent: sent('bootaa64.efi', 2),
    },
    table: [deployed('by-grub')],
    expect: 'assigned',
    answers: [text('of grub')],
  },
  {
    given: 'the same of a machine whose host says its firmware',
    facts: { asks: path('/grub/grub.cfg-01-52-54-00-00-00-01') },
    table: [{ kind: 'host', host: host('h1', [h1], { firmware: 'uefi-arm64' }) }, deployed('by-grub')],
    expect: 'assigned',
    answers: [text('of grub-arm64')],
  },
  {
    given: 'the folder of a bootloader that this machine cannot run: no other of its language instead',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('arm-grub')],
    catalog: stocked,
    expect: 'no-form',
    answers: [boot('bootx64.efi')],
    because: /nothing written for it runs on uefi-x64; its screen says so/,
  },
  {
    given: 'that other one asks: the screen says so',
    facts: { mac: h1, asks: path('/grub/grub.cfg'), recent: sent('bootx64.efi', 2) },
    table: [deployed('arm-grub')],
    expect: 'no-form',
    answers: [shown(/h1 is to boot arm-grub,[^]*which is written for grub-arm64, and this is GRUB/)],
    because: /written for grub-arm64 and not for grub$/,
  },
  {
    given: 'a script in the folder of one build of iPXE, and it runs already: the script',
    facts: { mac: h1, archs: [7], agent: 'ipxe', asks: loader },
    table: [deployed('own-ipxe')],
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  // One text, and a kernel for each processor.
  {
    given: 'one text without a kernel for this machine',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('for-arm')],
    catalog: stocked,
    expect: 'no-form',
    answers: [boot('pxelinux.0')],
    because:
      /nothing written for it runs on bios; its screen says so; conf\/for-arm\.yml has to name a kernel for it$/,
  },
  {
    given: 'the loader that it was sent asks: the screen says so',
    facts: { mac: h1, asks: path('pxelinux.cfg/01-52-54-00-00-00-01'), recent: sent('pxelinux.0', 2) },
    table: [deployed('for-arm')],
    expect: 'no-form',
    answers: [shown(/^SAY PXE Pilot: h1 is to boot for-arm,\nSAY which has no kernel for x64 or ia32\.\n/)],
  },
  {
    given: 'the same of GRUB',
    facts: { mac: h1, asks: path('/grub/grub.cfg'), recent: sent('bootx64.efi', 2) },
    table: [deployed('for-arm')],
    expect: 'no-form',
    answers: [shown(/echo 'which has no kernel for x64\.'/)],
  },
  {
    given: 'one text, and U-Boot says what it is: no other’s kernel',
    facts: { mac: h1, archs: [22], asks: loader },
    table: [deployed('for-arm')],
    expect: 'assigned',
    answers: [boot('extlinux.conf')],
  },
  {
    given: 'U-Boot asks, and its host says what it is: its own kernel',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [{ kind: 'host', host: host('h1', [h1], { firmware: 'uboot-arm64' }) }, deployed('for-each')],
    expect: 'assigned',
    answers: [text('DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  LINUX /arm/linux\n')],
  },
  {
    given: 'U-Boot asks, and nothing says what it is: x64',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('for-each')],
    expect: 'assigned',
    answers: [text('DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  LINUX /x64/linux\n')],
  },
  // Kernels by URL.
  {
    given: 'a kernel that is a URL: LPXELINUX, as plain PXELINUX cannot fetch it',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('urls')],
    catalog: stocked,
    expect: 'assigned',
    answers: [{ ...boot('lpxelinux.0'), prefix: 'http://10.77.0.1/' }],
  },
  {
    given: 'a kernel that is a URL, and plain PXELINUX alone is there',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('urls')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'one text that what a host’s variable brings makes a command of: the screen says so',
    facts: { asks: path('ipxe.cfg/01-52-54-00-00-00-01') },
    table: [
      { kind: 'host', host: host('h1', [h1], { vars: { extra: 'splash && reboot' } }) },
      deployed('with-extra'),
    ],
    expect: 'broken-template',
    answers: [
      shown(/^#!ipxe\necho PXE Pilot: h1 is to boot with-extra,\necho but conf\/with-extra\.yml line 2: /),
    ],
    because: /^conf\/with-extra\.yml line 2: "splash && reboot" must not hold/,
  },
  // UEFI HTTP boot.
  {
    given: 'UEFI HTTP boot and a script: iPXE by its URL',
    facts: { mac: h1, archs: [16], agent: 'httpboot', asks: loader },
    table: [deployed('script')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('ipxe.efi', 'http://10.77.0.1/ipxe.efi')],
  },
  {
    given: 'UEFI HTTP boot and no script: iPXE first, which asks for another loader',
    facts: { mac: h1, archs: [16], agent: 'httpboot', asks: loader },
    table: [deployed('only-grub')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('ipxe.efi', 'http://10.77.0.1/ipxe.efi')],
    because: /iPXE first/,
  },
  {
    given: 'the same, and that iPXE is not there: it is named',
    facts: { mac: h1, archs: [19], agent: 'httpboot', asks: loader },
    table: [deployed('only-grub')],
    catalog: only('bootaa64.efi'),
    expect: 'loader-missing',
    answers: [],
    because: /but ipxe-arm64\.efi is not there$/,
  },
  {
    given: 'firmware that says HTTPClient, and of itself only that it is x64 UEFI',
    facts: { mac: h1, archs: [7], agent: 'httpboot', asks: loader },
    table: [deployed('several')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('ipxe.efi', 'http://10.77.0.1/ipxe.efi')],
  },
  {
    given: 'that iPXE asks: GRUB by TFTP',
    facts: { mac: h1, archs: [7], agent: 'ipxe', asks: loader },
    table: [deployed('only-grub')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('bootx64.efi')],
  },
  {
    given: 'UEFI HTTP boot, and the settings serve no HTTP',
    facts: { mac: h1, archs: [16], agent: 'httpboot', asks: loader },
    table: [deployed('script')],
    catalog: stocked,
    site: { httpPort: undefined },
    expect: 'no-http',
    answers: [],
  },
  // Proxy mode.
  {
    given: 'proxy mode and several forms: never GRUB, which stops at its prompt there',
    facts: { via: 'proxy', mac: h1, archs: [7], asks: loader },
    table: [deployed('several')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('efi64/syslinux.efi')],
  },
  {
    given: 'proxy mode and GRUB’s form alone: iPXE says so on the screen',
    facts: { via: 'proxy', mac: h1, archs: [7], asks: loader },
    table: [deployed('only-grub')],
    catalog: only('bootx64.efi', 'snponly.efi'),
    expect: 'no-form',
    answers: [boot('snponly.efi')],
    because: /in proxy mode/,
  },
  {
    given: 'proxy mode, UEFI and local: iPXE, whose exit goes on to the disk',
    facts: { via: 'proxy', mac: h1, archs: [7], asks: loader },
    table: [deployed('local')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('snponly.efi')],
  },
  {
    given: 'proxy mode and U-Boot, which reads no proxy offer: the router has to name us',
    facts: { via: 'proxy', mac: h1, archs: [22], asks: loader },
    table: [deployed('several')],
    catalog: stocked,
    expect: 'no-form',
    answers: [],
    because: /uboot-arm64 reads no proxy offer: .* next-server \(option 66\) 10\.77\.0\.1/,
  },
  {
    given: 'proxy mode and Petitboot, which reads no proxy offer, and a file of the admin’s',
    facts: { via: 'proxy', mac: h1, archs: [14], asks: loader },
    catalog: { ...stocked, menus: ['pxelinux.cfg/default'] },
    expect: 'no-form',
    answers: [],
  },
  {
    given: 'proxy mode and a Raspberry Pi, whose boot ROM does read proxy offers',
    facts: { via: 'proxy', mac: h1, archs: [41], asks: loader },
    table: [deployed('several')],
    catalog: stocked,
    expect: 'assigned',
    answers: [{ ...boot('bootcode.bin'), service: 'Raspberry Pi Boot' }],
  },
  // Local.
  {
    given: 'UEFI and local: GRUB, which finds the disk, and not SYSLINUX, which takes minutes',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('local')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('bootx64.efi')],
  },
  {
    given: 'UEFI and local with SYSLINUX alone: no offer is the shorter way',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('local')],
    catalog: only('efi64/syslinux.efi'),
    expect: 'local-withheld',
    answers: [],
    because: /leads uefi-x64 to its disk/,
  },
  {
    given: 'an iPXE on UEFI and local: its own script',
    facts: { mac: h1, archs: [7], agent: 'ipxe', asks: loader },
    table: [deployed('local')],
    catalog: stocked,
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  {
    given: 'a host’s own way to its disk goes before that of the settings',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [{ kind: 'host', host: host('h1', [h1], { localMethod: 'withhold' }) }, deployed('local')],
    expect: 'local-withheld',
    answers: [],
  },
  {
    given: 'a Raspberry Pi and local: no offer',
    facts: { mac: h1, archs: [41], asks: loader },
    table: [deployed('local')],
    expect: 'local-withheld',
    answers: [],
  },
  // Firmware that reads its configuration itself.
  {
    given: 'a Raspberry Pi says it is a PC, and is told by its MAC',
    facts: { mac: pi, archs: [0], asks: loader },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('several', 'pi')],
    expect: 'assigned',
    answers: [{ ...boot('bootcode.bin'), service: 'Raspberry Pi Boot' }],
  },
  {
    given: 'a Raspberry Pi and a configuration that says nothing for one: its files all the same',
    facts: { mac: pi, archs: [0], asks: loader },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('ubuntu', 'pi')],
    expect: 'no-form',
    answers: [{ ...boot('bootcode.bin'), service: 'Raspberry Pi Boot' }],
    because: /^pi boots ubuntu, which says nothing for a Raspberry Pi \(conf\/rpi\/ubuntu would\)/,
  },
  {
    given: 'the same of the default: nobody deployed it to this one',
    facts: { mac: pi, archs: [0], asks: loader },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [{ ...boot('bootcode.bin'), service: 'Raspberry Pi Boot' }],
  },
  {
    given: 'its config.txt below its serial number, asked from its address',
    facts: { mac: pi, asks: path('/1234abcd/config.txt') },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('several', 'pi')],
    expect: 'assigned',
    answers: [text('in rpi')],
  },
  {
    given: 'its config.txt below its MAC, whoever asks',
    facts: { asks: path('/dc-a6-32-00-00-01/config.txt') },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('several', 'pi')],
    expect: 'assigned',
    answers: [text('in rpi')],
  },
  {
    given: 'its config.txt below its serial number, with nothing deployed to it: the default',
    facts: { mac: pi, asks: path('/1234abcd/config.txt') },
    site: { default: 'several' },
    expect: 'default-configuration',
    answers: [file('1234abcd/config.txt'), text('in rpi')],
  },
  {
    given: 'its config.txt below its serial number, from an address that nobody has: never the default',
    facts: { asks: path('/1234abce/config.txt') },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('local', 'pi')],
    site: { default: 'several' },
    expect: 'menu-file',
    answers: [file('1234abce/config.txt')],
  },
  {
    given: 'config.txt of a configuration that is not written for a Raspberry Pi: the file',
    facts: { mac: pi, asks: path('/1234abcd/config.txt') },
    table: [{ kind: 'host', host: host('pi', [pi]) }, deployed('ubuntu', 'pi')],
    expect: 'file',
    answers: [file('1234abcd/config.txt')],
  },
  {
    given: 'its firmware: a file of tftproot',
    facts: { mac: pi, asks: path('1234abcd/start4.elf') },
    expect: 'file',
    answers: [file('1234abcd/start4.elf')],
  },
  {
    given: 'U-Boot is offered the name of a configuration, and no program',
    facts: { mac: h1, archs: [22], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('extlinux.conf')],
    because: /its firmware reads it/,
  },
  {
    given: 'U-Boot asks by the name of its board',
    facts: { mac: h1, asks: path('pxelinux.cfg/default-arm-bcm283x-rpi') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  // By the client’s address.
  {
    given: '/grub/grub.cfg of Debian’s signed GRUB, by the address',
    facts: { mac: h1, asks: path('/grub/grub.cfg') },
    table: [deployed('several')],
    expect: 'assigned',
    answers: [text('in grub')],
  },
  {
    given: 'below the prefix of Debian’s installer',
    facts: { mac: h1, asks: path('/debian-installer/amd64/grub/grub.cfg') },
    table: [deployed('several')],
    expect: 'assigned',
    answers: [text('in grub')],
  },
  {
    given: 'below the prefix of grub-mknetdir',
    facts: { mac: h1, asks: path('/boot/grub/grub.cfg-0A4D0081') },
    table: [holds(leased, h1), deployed('several')],
    expect: 'assigned',
    answers: [text('in grub')],
  },
  {
    given: '/grub/grub.cfg, and nothing is deployed: a real file',
    facts: { mac: stranger, asks: path('/grub/grub.cfg') },
    expect: 'menu-file',
    answers: [file('grub/grub.cfg')],
  },
  {
    given: 'a grub.cfg that its own configuration goes on to: the file',
    facts: { mac: h1, asks: path('/debian-installer/amd64/grub/grub.cfg') },
    table: [deployed('goes-on')],
    expect: 'file',
    answers: [file('debian-installer/amd64/grub/grub.cfg')],
  },
  {
    given: 'a grub.cfg that is the end of the name its configuration goes on to',
    facts: { mac: h1, asks: path('/grub/grub.cfg') },
    table: [deployed('goes-on')],
    expect: 'assigned',
    answers: [text('configfile /debian-installer/amd64/grub/grub.cfg')],
  },
  {
    given: 'a grub.cfg that its configuration names in a comment, and on a disk',
    facts: { mac: h1, asks: path('/boot/grub/grub.cfg') },
    table: [deployed('disk')],
    expect: 'assigned',
    answers: [shown(/^# replaces/)],
  },
  {
    given: 'a grub.cfg that its configuration goes on to by its second mention',
    facts: { mac: h1, asks: path('/grub/grub.cfg') },
    table: [deployed('disk')],
    expect: 'file',
    answers: [file('grub/grub.cfg')],
  },
  {
    given: 'a grub.cfg in any other folder is a file',
    facts: { mac: h1, asks: path('/debian/boot/grub/grub.cfg') },
    table: [deployed('several')],
    expect: 'file',
    answers: [file('debian/boot/grub/grub.cfg')],
  },
  {
    given: 'config_path of a bootloader, by the address',
    facts: { mac: h1, asks: path('/my/menu.cfg') },
    table: [deployed('several')],
    site: {
      bootloaders: [bootloader({ name: 'mine', file: 'mine/grubx64.efi', config_path: '/my/menu.cfg' })],
    },
    expect: 'assigned',
    answers: [text('in grub')],
  },
  {
    given: 'autoexec.ipxe, which newer iPXE asks for by itself: the script',
    facts: { mac: h1, asks: path('autoexec.ipxe') },
    table: [deployed('several')],
    expect: 'assigned',
    answers: [text('in ipxe')],
  },
  {
    given: 'autoexec.ipxe, where iPXE is on its way to another loader: none',
    facts: { mac: h1, asks: path('autoexec.ipxe') },
    table: [deployed('only-grub')],
    expect: 'file',
    answers: [file('autoexec.ipxe')],
  },
  {
    given: 'GRUB with the MAC alone, without 01-',
    facts: { asks: path('grub/grub.cfg-52:54:00:00:00:01') },
    table: [deployed('several')],
    expect: 'assigned',
    answers: [text('in grub')],
  },
  {
    given: 'a UUID: the machine at the address',
    facts: { mac: h1, asks: path('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202020') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'a UUID of zeros names no machine, and its address does',
    facts: { mac: h1, asks: path('pxelinux.cfg/00000000-0000-0000-0000-000000000000') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'a UUID of zeros from an address that nobody has: a real file',
    facts: { asks: path('pxelinux.cfg/00000000-0000-0000-0000-000000000000') },
    table: [deployed('ubuntu')],
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/00000000-0000-0000-0000-000000000000')],
  },
  {
    given: 'a UUID from an address that nobody has: never the default, so that it goes on to say its MAC',
    facts: { asks: path('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202020') },
    table: [deployed('local')],
    site: { default: 'ubuntu' },
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202020')],
  },
  {
    given: 'the same of GRUB',
    facts: { asks: path('/boot/grub/grub.cfg-4c4c4544-0000-2010-8020-80c04f202020') },
    table: [deployed('local')],
    site: { default: 'several' },
    expect: 'menu-file',
    answers: [file('boot/grub/grub.cfg-4c4c4544-0000-2010-8020-80c04f202020')],
  },
  {
    given: 'the same of a name that PXELINUX has built in',
    facts: { asks: path('/mine.cfg') },
    table: [deployed('local')],
    site: {
      default: 'ubuntu',
      bootloaders: [bootloader({ name: 'mine', file: 'pxelinux.0', config_path: '/mine.cfg' })],
    },
    expect: 'menu-file',
    answers: [file('mine.cfg')],
  },
  {
    given: 'the same of autoexec.ipxe, which iPXE asks for before its DHCP',
    facts: { asks: path('autoexec.ipxe') },
    table: [deployed('local')],
    site: { default: 'several' },
    expect: 'menu-file',
    answers: [file('autoexec.ipxe')],
  },
  {
    given: 'the same from the address of a router, or of a machine that has nothing',
    facts: { mac: stranger, asks: path('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202021') },
    table: [deployed('local')],
    site: { default: 'ubuntu' },
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202021')],
  },
  {
    given: 'pxelinux.cfg/default, the last name, from an address that nobody has: the default',
    facts: { asks: path('pxelinux.cfg/default') },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [file('pxelinux.cfg/default'), text('DEFAULT ubuntu')],
  },
  {
    given: 'a UUID while everything is held',
    facts: { asks: path('pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202022') },
    table: [{ kind: 'hold', held: true }],
    site: { default: 'ubuntu' },
    expect: 'held',
    answers: [text(localBoot('pxelinux'))],
  },
  {
    given: 'a module of GRUB, where its package put it',
    facts: { asks: path('/grub/x86_64-efi/normal.mod') },
    catalog: { modules: [['grub/x86_64-efi', '/usr/lib/grub/x86_64-efi']] },
    expect: 'file',
    answers: [
      file('grub/x86_64-efi/normal.mod'),
      { kind: 'loader', path: '/usr/lib/grub/x86_64-efi/normal.mod' },
    ],
  },
  // Loops.
  {
    given: 'a loader for the fourth time in a minute: no more of it',
    facts: { mac: h1, asks: path('undionly.kpxe'), recent: sent('undionly.kpxe', 1, 20, 59) },
    table: [deployed('ubuntu')],
    expect: 'loop',
    answers: [],
    because: /undionly\.kpxe 3 times in a minute/,
  },
  {
    given: 'a loader for the fourth time, the first of them longer ago',
    facts: { mac: h1, asks: path('undionly.kpxe'), recent: sent('undionly.kpxe', 1, 20, 61) },
    table: [deployed('ubuntu')],
    expect: 'file',
    answers: [file('undionly.kpxe')],
  },
  {
    given: 'a loader after others',
    facts: { mac: h1, asks: path('undionly.kpxe'), recent: sent('pxelinux.0', 1, 20, 59) },
    table: [deployed('ubuntu')],
    expect: 'file',
    answers: [file('undionly.kpxe')],
  },
]

/** What the world of a row holds, as the changes of one delta. */
export function changesOf(row: Row): readonly Change[] {
  return [
    { kind: 'catalog', catalog: { ...catalog, ...row.catalog } },
    { kind: 'host', host: host('h1', [h1, h1second]) },
    ...(row.table ?? []),
  ]
}

export function siteOf(row: Row): Site {
  return { ...site, ...row.site }
}

export function decideRow(row: Row): Decision {
  const table = emptyTable()
  applyDelta(table, { revision: 1, changes: changesOf(row) })
  const facts: Facts = { via: 'tftp', server, archs: [], agent: 'unknown', asks: loader, ...row.facts }
  return decide(facts, table, siteOf(row))
}

/** The row as docs/decisions/0006-what-a-machine-gets.md has it. */
export function written({ given, expect, answers }: Row): string {
  const gets = answers.map(inWords).join(', else ')
  return `${given} | ${gets === '' ? 'nothing' : gets} | ${expect}`
}

function inWords(answer: Answer | Shown): string {
  switch (answer.kind) {
    case 'boot':
      return answer.url ?? answer.file
    case 'text':
      return 'its text'
    case 'shown':
      return 'a notice'
    case 'loader':
      return "the package's file"
    case 'file':
      return `the file ${answer.path}`
    case 'template':
      return `the template ${answer.path}`
  }
}
