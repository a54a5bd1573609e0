// Runs every test this machine can run, fast ones first, and names what it skips with the way to enable it.
// `--slow` makes the fuzz of DHCP's packets a hundred times longer; names of stages run those alone. In CI (CI=true) nothing else may be skipped.

import { spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { giveBack } from './owner.mjs'

const named = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const slow = process.argv.includes('--slow')
// An ordinary user's PATH, which sudo may keep, has no folders of the system's tools.
const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
const root = process.getuid?.() === 0

const asRoot = {
  holds: root,
  reason: 'they make network namespaces, which needs root',
  remedy: 'sudo env "PATH=$PATH" npm test',
}
const tun = {
  holds: canUse('/dev/net/tun'),
  reason: 'there is no /dev/net/tun',
  remedy: 'modprobe tun (in a container: --device /dev/net/tun)',
}

const machines = [
  asRoot,
  tun,
  program('ip', 'iproute2'),
  program('qemu-system-x86_64', 'qemu-system-x86'),
  file('/usr/lib/ipxe/qemu/pxe-virtio.rom', 'ipxe-qemu'),
  file('/usr/lib/PXELINUX/pxelinux.0', 'pxelinux'),
  file('/usr/lib/syslinux/modules/bios/ldlinux.c32', 'syslinux-common'),
  program('busybox', 'busybox-static'),
  program('depmod', 'kmod'),
  program('cpio', 'cpio'),
  program('curl', 'curl'),
]
const bookworm = {
  holds: /^VERSION_CODENAME=bookworm$/m.test(text('/etc/os-release')),
  reason: "the base image is made of this machine's own Debian 12 packages",
  remedy: 'run it on Debian 12',
}

const stages = [
  { name: 'fast', needs: [] },
  {
    name: 'interop',
    needs: [
      program('curl', 'curl'),
      program('tftp', 'tftp-hpa'),
      program('atftp', 'atftp'),
      program('ipmitool', 'ipmitool'),
      program('ipmi_sim', 'openipmi'),
      program('zsh', 'zsh'),
      program('fish', 'fish'),
    ],
  },
  { name: 'postgres', needs: [postgres()] },
  {
    name: 'net',
    needs: [
      asRoot,
      program('ip', 'iproute2'),
      program('udhcpc', 'udhcpc'),
      program('dhclient', 'isc-dhcp-client'),
      program('busybox', 'busybox-static'),
      program('dnsmasq', 'dnsmasq-base'),
      program('curl', 'curl'),
      program('sysctl', 'procps'),
      program('setcap', 'libcap2-bin'),
      program('iptables-legacy', 'iptables'),
      program('atftp', 'atftp'),
      program('bindfs', 'bindfs'),
      postgres(),
    ],
  },
  {
    name: 'lab',
    needs: [
      ...machines,
      file('/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf'),
      file('/usr/lib/SYSLINUX.EFI/efi64/syslinux.efi', 'syslinux-efi'),
      program('iptables-legacy', 'iptables'),
      file('/usr/lib/ipxe/snponly.efi', 'ipxe'),
      file('/usr/lib/shim/shimx64.efi.signed', 'shim-signed'),
      file('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', 'grub-efi-amd64-signed'),
      file('/usr/lib/grub/x86_64-efi/moddep.lst', 'grub-efi-amd64-bin'),
      program('grub-mknetdir', 'grub-common'),
      program('mformat', 'mtools'),
      program('qemu-system-aarch64', 'qemu-system-arm'),
      file('/usr/share/AAVMF/AAVMF_CODE.fd', 'qemu-efi-aarch64'),
      file(
        '/usr/lib/debian-installer/images/12/amd64/text/version.info',
        'debian-installer-12-netboot-amd64',
      ),
      file(
        '/usr/lib/debian-installer/images/12/arm64/text/version.info',
        'debian-installer-12-netboot-arm64',
      ),
      program('dnsmasq', 'dnsmasq-base'),
      program('mksquashfs', 'squashfs-tools'),
      file('/usr/share/initramfs-tools/scripts/live', 'live-boot-initramfs-tools'),
    ],
  },
  {
    name: 'docker',
    needs: [
      ...machines,
      bookworm,
      program('dockerd', 'docker.io'),
      program('docker-compose', 'docker-compose'),
      program('mmdebstrap', 'mmdebstrap'),
    ],
  },
]

const unknown = named.filter((name) => !stages.some((stage) => stage.name === name))
if (unknown.length > 0) {
  const names = stages.map(({ name }) => name).join(', ')
  process.stderr.write(`There is no stage ${unknown.join(', ')}; there are ${names}.\n`)
  process.exit(1)
}

// Tests leave folders behind when they fail or are ended; all of them lie in this one.
const scratch = mkdtempSync(join(tmpdir(), 'pxe-pilot-test-'))
// Some tests run programs as another user.
chmodSync(scratch, 0o755)

const totals = { passed: 0, failed: 0, skipped: 0 }
const skipped = []
const failures = []
let broken = false

for (const stage of stages) {
  if (named.length > 0 && !named.includes(stage.name)) continue
  const missing = stage.needs.filter((need) => !need.holds)
  if (missing.length > 0) {
    skipped.push({ stage, missing })
    totals.skipped++
    continue
  }
  process.stdout.write(`\n== ${stage.name} ==\n`)
  const start = performance.now()
  const { code, passed, failed, left, closing } = await runAva(stage.name)
  process.stdout.write(`== ${stage.name} took ${Math.round((performance.now() - start) / 1000)} s ==\n`)
  totals.passed += passed
  totals.failed += failed
  totals.skipped += left
  if (failed > 0) failures.push({ stage, closing })
  if (code !== 0) broken = true
  if (code !== 0 && failed === 0) totals.failed++
}
giveBack()
rmSync(scratch, { recursive: true, force: true })

process.stdout.write('\n')
for (const { stage, missing } of skipped) {
  process.stdout.write(`Skipped ${stage.name}:\n`)
  for (const { reason, remedy } of missing) process.stdout.write(`  ${reason}; to enable: ${remedy}\n`)
}
// Told once more, as an early stage's are thousands of lines above.
for (const { stage, closing } of failures) process.stdout.write(`Failed in ${stage.name}:${closing}\n`)
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`)
if (process.env.CI === 'true' && skipped.length > 0) broken = true
process.exit(broken ? 1 : 0)

/** One ava run; counts come from its closing lines, and its output passes through as it is. */
function runAva(stage) {
  const config = stage === 'fast' ? [] : ['--config', `test/${stage}/ava.config.mjs`]
  const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', ...config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TMPDIR: scratch,
      PATH: path.join(delimiter),
      ...(slow && { PXE_PILOT_FUZZ: '10000000' }),
    },
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk)
    output += String(chunk)
  })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      // Beside failed tests AVA gives no number of those that passed.
      const passed = count(output, 'passed') || (output.match(/^ {2}✔ /gm) ?? []).length
      // What failed and how, which AVA tells behind its first line.
      const closing = output.slice(output.search(/^ {2}─$/m) + '  ─'.length)
      resolve({ code, passed, failed: count(output, 'failed'), left: count(output, 'skipped'), closing })
    })
  })
}

function count(output, word) {
  const match = new RegExp(String.raw`^\s*(\d+) tests? ${word}`, 'm').exec(output)
  return match === null ? 0 : Number(match[1])
}

function program(name, debianPackage) {
  const holds = path.some((folder) => canUse(join(folder, name)))
  return { holds, reason: `${name} is missing`, remedy: `apt-get install ${debianPackage}` }
}

function file(name, debianPackage) {
  return { holds: existsSync(name), reason: `${name} is missing`, remedy: `apt-get install ${debianPackage}` }
}

/** Debian keeps the programs of each version in a folder of its own. */
function postgres() {
  const versions = '/usr/lib/postgresql'
  const holds =
    canUse(versions) && readdirSync(versions).some((version) => canUse(`${versions}/${version}/bin/initdb`))
  return { holds, reason: 'PostgreSQL is missing', remedy: 'apt-get install postgresql' }
}

function text(name) {
  return canUse(name) ? readFileSync(name, 'utf8') : ''
}

function canUse(name) {
  try {
    accessSync(name, constants.R_OK)
    return true
  } catch {
    return false
  }
}
