// The servers that are compared, each with the same subnet, lease time and boot file.

import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpacked } from '../peers.ts'

export type Contestant = {
  readonly name: string
  /** Writes its files into `folder`; yields its command line. */
  readonly prepare: (folder: string) => Promise<readonly string[]>
  readonly note: string
}

const packages = [
  'kea-dhcp4-server',
  'kea-admin',
  'kea-common',
  'liblog4cplus-2.0.5',
  'libmariadb3',
  'libpq5',
  'libldap-2.5-0',
  'libsasl2-2',
  'isc-dhcp-server',
  'dnsmasq-base',
  'libnetfilter-conntrack3',
  'libnfnetlink0',
  'libmnl0',
] as const

/** In which the others, perfdhcp and what they are linked with are found; not npm's, whose package dhcp brings a dhcpd. */
export async function environment(): Promise<{ readonly PATH: string; readonly LD_LIBRARY_PATH: string }> {
  const root = await unpacked(...packages)
  const folders = await readdir(join(root, 'usr/lib'))
  const libraries = folders
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => join(root, 'usr/lib', name))
  return {
    PATH: `${join(root, 'usr/sbin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    LD_LIBRARY_PATH: libraries.join(':'),
  }
}

const range = { first: '10.73.0.0', last: '10.75.255.250' }

export const contestants: readonly Contestant[] = [
  {
    name: 'ours',
    note: 'every ACK after its sync',
    prepare: async (folder) => {
      const lines = [
        'dhcp:',
        '  mode: server',
        '  other_servers: allow',
        '  conflict_check: false',
        '  limits: { unknown_share: 1 }',
        '  subnets:',
        `    - { subnet: 10.72.0.0/13, ranges: ['${range.first}-${range.last}'], router: 10.77.0.1, dns: [10.77.0.1] }`,
        'tftp: { root: ./tftproot }',
        'configuration: { directory: ./conf, default: local }',
        'log: { level: warn }',
        '',
      ]
      await writeFile(join(folder, 'pxe-pilot.yml'), lines.join('\n'))
      return [process.execPath, 'dist/main.js', 'server', '-c', join(folder, 'pxe-pilot.yml')]
    },
  },
  {
    name: 'kea',
    note: 'memfile, never syncs',
    prepare: async (folder) => {
      const settings = {
        Dhcp4: {
          'interfaces-config': { interfaces: ['eth0/10.77.0.1'], 'dhcp-socket-type': 'udp' },
          'lease-database': {
            type: 'memfile',
            persist: true,
            name: join(folder, 'leases.csv'),
            'lfc-interval': 0,
          },
          'valid-lifetime': 3600,
          'next-server': '10.77.0.1',
          'boot-file-name': 'pxelinux.0',
          subnet4: [
            {
              subnet: '10.72.0.0/13',
              pools: [{ pool: `${range.first}-${range.last}` }],
              'option-data': [
                { name: 'routers', data: '10.77.0.1' },
                { name: 'domain-name-servers', data: '10.77.0.1' },
              ],
            },
          ],
          loggers: [{ name: 'kea-dhcp4', output_options: [{ output: 'stderr' }], severity: 'ERROR' }],
        },
      }
      await writeFile(join(folder, 'kea.json'), JSON.stringify(settings))
      return [
        'env',
        `KEA_PIDFILE_DIR=${folder}`,
        `KEA_LOCKFILE_DIR=${folder}`,
        'kea-dhcp4',
        '-c',
        join(folder, 'kea.json'),
      ]
    },
  },
  {
    name: 'dnsmasq',
    note: 'rewrites its lease file, never syncs',
    prepare: async (folder) =>
      Promise.resolve([
        'dnsmasq',
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--port=0',
        '--no-ping',
        '--quiet-dhcp',
        '--user=root',
        `--pid-file=${join(folder, 'pid')}`,
        '--log-facility=/dev/null',
        `--dhcp-leasefile=${join(folder, 'leases')}`,
        '--dhcp-lease-max=200000',
        `--dhcp-range=${range.first},${range.last},255.248.0.0,1h`,
        '--dhcp-boot=pxelinux.0,,10.77.0.1',
      ]),
  },
  {
    name: 'isc-dhcpd',
    note: 'every ACK after its sync',
    prepare: async (folder) => {
      const lines = [
        'authoritative; ping-check false; default-lease-time 3600; max-lease-time 86400;',
        'next-server 10.77.0.1; filename "pxelinux.0";',
        'subnet 10.72.0.0 netmask 255.248.0.0 {',
        `  range ${range.first} ${range.last}; option routers 10.77.0.1; option domain-name-servers 10.77.0.1;`,
        '}',
        '',
      ]
      await writeFile(join(folder, 'dhcpd.conf'), lines.join('\n'))
      await writeFile(join(folder, 'leases'), '')
      const files = [
        '-cf',
        join(folder, 'dhcpd.conf'),
        '-lf',
        join(folder, 'leases'),
        '-pf',
        join(folder, 'pid'),
      ]
      return ['dhcpd', '-4', '-f', '-q', '--no-pid', ...files, 'eth0']
    },
  },
]
