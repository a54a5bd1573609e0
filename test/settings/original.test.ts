// Settings files written for the original PXE Pilot are taken as they are.

import test from 'ava'
import { declaredHosts } from '../../src/settings/hosts.ts'
import { faultsOf, settingsOf, warningsOf } from './written.ts'

test('a settings file of the original gets TFTP and the API, and its hosts', (t) => {
  const text = `---
hosts:
  - name: h1
    mac_addresses: ["00:00:00:00:00:01"]
    ipmi:
      mac_address: "00:00:00:00:10:01"
      username: "user"
      password: "pass"
      interface: "lanplus"
      subnet: "10.0.0.0/24"
  - name: h2
    mac_addresses: ["00:00:00:00:00:02", "00:00:00:00:0B:02"]
    management:
      mac_address: "00:00:00:00:10:02"
      ip_address: 1.2.3.4
      adapter: ipmitool
      subnet: "10.0.0.0/24"
      vars:
        - name: username
          value: user
        - name: password
          value: 0777
  - mac_addresses: ["00-00-00-00-00-03"]

tftp:
  root: "/var/tftp"

configuration:
  directory: "/var/tftp/pxelinux.cfg/conf"
  bootloaders:
    - name: syslinux
      file: pxelinux.0
      config_path:
    - name: grub2
      file: grubx64.efi
      config_path: grub.cfg

server:
  port: 3478

host_management_adapters:
  - name: ipmitool
    vars:
      - name: base
        value: ipmitool -I lanplus -H {{.ip_address}} -U {{.username}} -P {{.password}} chassis power
    power_status:
      cmd: "{{.base}} status"
      pattern_on: ^Chassis Power is on$
      pattern_off: ^Chassis Power is off$
    power_on: { cmd: "{{.base}} on" }
    power_off: { cmd: "{{.base}} off" }
    power_reset: { cmd: "{{.base}} reset" }
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text), [])
  const settings = settingsOf(text)
  t.is(settings.tftp?.root, '/var/tftp')
  t.deepEqual([settings.dhcp, settings.http], [undefined, undefined])
  t.is(settings.hosts_policy, 'declared')
  t.deepEqual(settings.clients, [])
  t.deepEqual(
    declaredHosts(settings.hosts).map(({ name, macs }) => [name, ...macs]),
    [
      ['h1', '00:00:00:00:00:01'],
      ['h2', '00:00:00:00:00:02', '00:00:00:00:0b:02'],
      ['00-00-00-00-00-03', '00:00:00:00:00:03'],
    ],
  )
  t.is(settings.hosts[1]?.management?.vars?.[1]?.value, '0777')
  t.deepEqual(
    settings.configuration.bootloaders?.map((entry) => entry.config_path),
    ['', 'grub.cfg'],
  )
})

test('keys of the original that never did anything are accepted with a warning', (t) => {
  const text = `
discovery: { cmd: fping }
arp: { cmd: arp }
hosts:
  - name: h1
    configuration: local
    power_state: On
    ipmi:
      subnets: 10.0.0.0/24
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(
    warningsOf(text).map((warning) => warning.split(' ', 2).join(' ')),
    [
      '2: discovery',
      '3: arp',
      '6: hosts[0].configuration',
      '7: hosts[0].power_state',
      '9: hosts[0].ipmi.subnets',
    ],
  )
})
