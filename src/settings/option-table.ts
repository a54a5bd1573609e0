// The DHCP options a settings file may name: number, type, and the names ISC, Kea and dnsmasq know them by.

import type { OptionKind } from './option-values.ts'

type Row = readonly [code: number, kind: OptionKind, ...names: readonly [string, ...string[]]]

/** IANA "BOOTP Vendor Extensions and DHCP Options"; RFC 2132 where no other is named. The first name is ours. */
export const optionTable: readonly Row[] = [
  [2, 'int32', 'time-offset'],
  [3, 'addresses', 'routers', 'router'],
  [4, 'addresses', 'time-servers', 'time-server'],
  [5, 'addresses', 'name-servers', 'ien116-name-servers'],
  [6, 'addresses', 'domain-name-servers', 'dns-server', 'dns-servers'],
  [7, 'addresses', 'log-servers', 'log-server'],
  [8, 'addresses', 'cookie-servers', 'quotes-servers'],
  [9, 'addresses', 'lpr-servers', 'lpr-server'],
  [10, 'addresses', 'impress-servers'],
  [11, 'addresses', 'resource-location-servers'],
  [12, 'text', 'host-name', 'hostname'],
  [13, 'uint16', 'boot-size', 'boot-file-size'],
  [14, 'text', 'merit-dump'],
  [15, 'text', 'domain-name', 'domain'],
  [16, 'address', 'swap-server'],
  [17, 'text', 'root-path'],
  [18, 'text', 'extensions-path', 'extension-path'],
  [19, 'boolean', 'ip-forwarding', 'ip-forward-enable'],
  [20, 'boolean', 'non-local-source-routing'],
  [21, 'pairs', 'policy-filter'],
  [22, 'uint16', 'max-dgram-reassembly', 'max-datagram-reassembly'],
  [23, 'uint8', 'default-ip-ttl', 'default-ttl'],
  [24, 'uint32', 'path-mtu-aging-timeout'],
  [25, 'uint16s', 'path-mtu-plateau-table'],
  [26, 'uint16', 'interface-mtu', 'mtu'],
  [27, 'boolean', 'all-subnets-local'],
  [28, 'address', 'broadcast-address', 'broadcast'],
  [29, 'boolean', 'perform-mask-discovery'],
  [30, 'boolean', 'mask-supplier'],
  [31, 'boolean', 'router-discovery'],
  [32, 'address', 'router-solicitation-address', 'router-solicitation'],
  [33, 'pairs', 'static-routes', 'static-route'],
  [34, 'boolean', 'trailer-encapsulation'],
  [35, 'uint32', 'arp-cache-timeout', 'arp-timeout'],
  [36, 'boolean', 'ieee802-3-encapsulation', 'ethernet-encap'],
  [37, 'uint8', 'default-tcp-ttl', 'tcp-ttl'],
  [38, 'uint32', 'tcp-keepalive-interval', 'tcp-keepalive'],
  [39, 'boolean', 'tcp-keepalive-garbage'],
  [40, 'text', 'nis-domain'],
  [41, 'addresses', 'nis-servers', 'nis-server'],
  [42, 'addresses', 'ntp-servers', 'ntp-server'],
  [43, 'hex', 'vendor-encapsulated-options', 'vendor-encap'],
  [44, 'addresses', 'netbios-name-servers', 'netbios-ns'],
  [45, 'addresses', 'netbios-dd-server', 'netbios-dd'],
  [46, 'uint8', 'netbios-node-type', 'netbios-nodetype'],
  [47, 'text', 'netbios-scope'],
  [48, 'addresses', 'font-servers', 'x-windows-fs'],
  [49, 'addresses', 'x-display-manager', 'x-windows-dm'],
  [56, 'text', 'dhcp-message'],
  [60, 'text', 'vendor-class-identifier', 'vendor-class'],
  [62, 'text', 'nwip-domain', 'nwip-domain-name'], // RFC 2242
  [63, 'hex', 'nwip-suboptions'],
  [64, 'text', 'nisplus-domain', 'nisplus-domain-name', 'nis+-domain'],
  [65, 'addresses', 'nisplus-servers', 'nisplus-server', 'nis+-server'],
  [66, 'text', 'tftp-server-name', 'tftp-server'],
  [67, 'text', 'bootfile-name', 'boot-file-name', 'bootfile'],
  [68, 'addresses', 'mobile-ip-home-agent', 'mobile-ip-home'],
  [69, 'addresses', 'smtp-server', 'smtp-servers'],
  [70, 'addresses', 'pop-server', 'pop3-server', 'pop-servers'],
  [71, 'addresses', 'nntp-server', 'nntp-servers'],
  [72, 'addresses', 'www-server', 'www-servers'],
  [73, 'addresses', 'finger-server', 'finger-servers'],
  [74, 'addresses', 'irc-server', 'irc-servers'],
  [75, 'addresses', 'streettalk-server'],
  [76, 'addresses', 'streettalk-directory-assistance-server'],
  [85, 'addresses', 'nds-servers', 'nds-server'], // RFC 2241
  [86, 'text', 'nds-tree-name'],
  [87, 'text', 'nds-context'],
  [98, 'text', 'uap-servers'], // RFC 2485
  [100, 'text', 'posix-timezone', 'pcode'], // RFC 4833
  [101, 'text', 'tzdb-timezone', 'tcode'],
  [108, 'uint32', 'ipv6-only-preferred', 'v6-only-preferred'], // RFC 8925
  [114, 'url', 'captive-portal', 'v4-captive-portal', 'default-url'], // RFC 8910
  [117, 'uint16s', 'name-service-search'], // RFC 2937
  [119, 'domains', 'domain-search'], // RFC 3397
  [121, 'routes', 'classless-static-routes', 'classless-static-route'], // RFC 3442
  [125, 'hex', 'vivso-suboptions', 'vivso'], // RFC 3925
  [138, 'addresses', 'capwap-ac-v4', 'capwap-ac'], // RFC 5417
  [150, 'addresses', 'tftp-server-address', 'tftp-servers'], // RFC 5859
  [208, 'hex', 'pxelinux-magic'], // RFC 5071
  [209, 'text', 'pxelinux-config-file', 'loader-configfile', 'configfile'],
  [210, 'text', 'pxelinux-path-prefix', 'loader-pathprefix', 'pathprefix'],
  [211, 'uint32', 'pxelinux-reboot-time', 'loader-reboottime', 'reboottime'],
  [249, 'routes', 'ms-classless-static-routes'], // 121, as Windows up to XP asks for it
  [252, 'text', 'wpad', 'wpad-url'],
]

/** Options that are not the settings' to write, and why. */
export const refusedOptions: ReadonlyMap<number, string> = new Map([
  [1, 'is the subnet mask, which follows from the subnet'],
  [50, 'is the address a client asks for, and only clients send it'],
  [51, 'is the lease time: write lease_time instead'],
  [52, 'says where in the packet options stand, which we decide for each packet'],
  [53, 'is the type of the message, which we decide for each packet'],
  [54, 'is the server that answers, which is always us: advertise says by which address'],
  [55, 'is what a client wants to know, and only clients send it'],
  [57, "is the size of a client's packets, and only clients send it"],
  [58, 'is the renewal time, which follows from lease_time'],
  [59, 'is the rebinding time, which follows from lease_time'],
  [61, 'is what a client calls itself, and only clients choose it'],
  [82, 'is what a relay adds, and only relays choose it'],
  [93, "is a client's architecture: write arch of the host instead"],
  [94, "is a client's network interface, and only clients send it"],
  [97, "is a client's UUID, and only clients choose it"],
  [118, 'is the subnet a client asks for, and only clients send it'],
])

/** Refused by these names, too. */
export const refusedNames: ReadonlyMap<string, number> = new Map([
  ['subnet-mask', 1],
  ['netmask', 1],
  ['dhcp-requested-address', 50],
  ['dhcp-lease-time', 51],
  ['lease-time', 51],
  ['dhcp-option-overload', 52],
  ['dhcp-message-type', 53],
  ['dhcp-server-identifier', 54],
  ['server-identifier', 54],
  ['dhcp-parameter-request-list', 55],
  ['dhcp-max-message-size', 57],
  ['dhcp-renewal-time', 58],
  ['dhcp-rebinding-time', 59],
  ['dhcp-client-identifier', 61],
  ['client-id', 61],
  ['relay-agent-information', 82],
  ['client-system', 93],
  ['client-arch', 93],
  ['client-ndi', 94],
  ['client-interface-id', 94],
  ['uuid-guid', 97],
  ['client-machine-id', 97],
  ['subnet-selection', 118],
])
