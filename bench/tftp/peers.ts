// The servers that are compared, each on an address of its own.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiled, unpacked } from '../peers.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

export type Peer = {
  readonly name: string
  readonly address: string
  /** Writes its files into `folder`; yields its command line. `root` holds what it serves. */
  readonly prepare: (address: string, root: string, folder: string) => Promise<readonly string[]>
}

/** `program` of Debian's package of that name. */
async function debian(packageName: string, program: string): Promise<string> {
  return join(await unpacked(packageName), 'usr/sbin', program)
}

/** `words`: more of Node's own. */
const ours =
  (...words: readonly string[]): Peer['prepare'] =>
  async (address, root, folder) => {
    const lines = [
      `server: { bind: ${address} }`,
      `tftp: { root: ${root}, bind: ${address}, max_per_client: 1000 }`,
      `http: { root: ${folder}, bind: ${address} }`,
      `configuration: { directory: ${folder} }`,
      'log: { level: warn }',
      '',
    ]
    await writeFile(join(folder, 'pxe-pilot.yml'), lines.join('\n'))
    const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
    return [process.execPath, ...words, program, 'server', '-c', join(folder, 'pxe-pilot.yml')]
  }

export const peers: readonly Peer[] = [
  { name: 'ours', prepare: ours() },
  { name: 'ours without koffi', prepare: ours('--import', join(here, '../../test/net/without-koffi.mjs')) },
  {
    name: 'dnsmasq',
    prepare: async (address: string, root: string, folder: string) => [
      await debian('dnsmasq-base', 'dnsmasq'),
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--port=0',
      '--user=root',
      `--pid-file=${join(folder, 'pid')}`,
      '--log-facility=/dev/null',
      `--listen-address=${address}`,
      '--bind-interfaces',
      '--enable-tftp',
      `--tftp-root=${root}`,
      '--tftp-max=2000',
    ],
  },
  {
    name: 'tftpd-hpa',
    prepare: async (address: string, root: string) => [
      await debian('tftpd-hpa', 'in.tftpd'),
      '--foreground',
      '--listen',
      '--address',
      `${address}:69`,
      '--user',
      'root',
      '--secure',
      root,
    ],
  },
  {
    name: 'atftpd',
    prepare: async (address: string, root: string, folder: string) => [
      await debian('atftpd', 'atftpd'),
      '--daemon',
      '--no-fork',
      '--bind-address',
      address,
      '--user',
      'root',
      '--group',
      'root',
      '--maxthread',
      '2000',
      '--verbose=1',
      '--logfile',
      join(folder, 'log'),
      root,
    ],
  },
  {
    name: 'ceiling',
    prepare: async (address: string, root: string) => [await compiled('tftp/ceiling'), address, root],
  },
].map((peer, index) => ({ ...peer, address: `10.78.0.${10 + index}` }))
