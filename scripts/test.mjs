// Runs every test this machine can run, fast ones first, and names what it skips with the way to enable it.
// `--slow` adds the machines marked slow. In CI (CI=true) nothing but those may be skipped.

import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const slow = process.argv.includes('--slow')
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

const stages = [
  { name: 'fast', needs: [] },
  {
    name: 'interop',
    needs: [program('curl', 'curl'), program('tftp', 'tftp-hpa'), program('atftp', 'atftp')],
  },
  {
    name: 'net',
    needs: [asRoot, program('ip', 'iproute2'), program('udhcpc', 'udhcpc'), program('curl', 'curl')],
  },
  {
    name: 'lab',
    needs: [
      asRoot,
      tun,
      program('ip', 'iproute2'),
      program('qemu-system-x86_64', 'qemu-system-x86'),
      file('/usr/lib/ipxe/qemu/pxe-virtio.rom', 'ipxe-qemu'),
      file('/usr/lib/PXELINUX/pxelinux.0', 'pxelinux'),
      file('/usr/lib/syslinux/modules/bios/ldlinux.c32', 'syslinux-common'),
      program('busybox', 'busybox-static'),
      program('mksquashfs', 'squashfs-tools'),
      program('cpio', 'cpio'),
      program('curl', 'curl'),
      file('/usr/share/initramfs-tools/scripts/live', 'live-boot-initramfs-tools'),
    ],
  },
]

const totals = { passed: 0, failed: 0, skipped: 0 }
const skipped = []
let broken = false

for (const stage of stages) {
  const missing = stage.needs.filter((need) => !need.holds)
  if (missing.length > 0) {
    skipped.push({ stage, missing })
    totals.skipped++
    continue
  }
  process.stdout.write(`\n== ${stage.name} ==\n`)
  const { code, passed, failed } = await runAva(stage.name)
  totals.passed += passed
  totals.failed += failed
  if (code !== 0) broken = true
  if (code !== 0 && failed === 0) totals.failed++
}

process.stdout.write('\n')
for (const { stage, missing } of skipped) {
  process.stdout.write(`Skipped ${stage.name}:\n`)
  for (const { reason, remedy } of missing) process.stdout.write(`  ${reason}; to enable: ${remedy}\n`)
}
if (!slow) process.stdout.write('Machines marked slow were left out; npm run test:all adds them.\n')
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`)
if (process.env.CI === 'true' && skipped.length > 0) broken = true
process.exit(broken ? 1 : 0)

/** One ava run; counts come from its closing lines, and its output passes through as it is. */
function runAva(stage) {
  const config = stage === 'fast' ? [] : ['--config', `test/${stage}/ava.config.mjs`]
  const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', ...config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(slow && { PXE_PILOT_SLOW: '1' }) },
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk)
    output += String(chunk)
  })
  return new Promise((resolve) => {
    child.on('close', (code) =>
      resolve({ code, passed: count(output, 'passed'), failed: count(output, 'failed') }),
    )
  })
}

function count(output, word) {
  const match = new RegExp(String.raw`^\s*(\d+) tests? ${word}`, 'm').exec(output)
  return match === null ? 0 : Number(match[1])
}

function program(name, debianPackage) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const holds = folders.some((folder) => canUse(join(folder, name)))
  return { holds, reason: `${name} is missing`, remedy: `apt-get install ${debianPackage}` }
}

function file(path, debianPackage) {
  return { holds: existsSync(path), reason: `${path} is missing`, remedy: `apt-get install ${debianPackage}` }
}

function canUse(path) {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
