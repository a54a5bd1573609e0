// Sends an empty IPv6 router advertisement every half second on the interface named by the first argument.
// iPXE waits 12 s of every boot for a router before it goes on with IPv4; this tells it that there is none.

import { readFileSync } from 'node:fs'
import koffi from 'koffi'

const AF_INET6 = 10
const SOCK_RAW = 3
const IPPROTO_ICMPV6 = 58
const IPPROTO_IPV6 = 41
const IPV6_MULTICAST_HOPS = 18

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int domain, int type, int protocol)')
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32 length)')
const sendto = libc.func(
  'long sendto(int fd, const void *data, size_t length, int flags, const void *to, uint32 toLength)',
)

const link = process.argv[2] ?? 'br0'
const index = Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'))

// RFC 4861 4.2: type 134; lifetime 0 ("not a default router"), no flags, no options. The kernel fills the checksum.
const advertisement = Buffer.alloc(16)
advertisement[0] = 134

// struct sockaddr_in6: family, port, flow, ff02::1 (all nodes), scope.
const allNodes = Buffer.alloc(28)
allNodes.writeUInt16LE(AF_INET6, 0)
allNodes.set([0xff, 0x02], 8)
allNodes[23] = 1
allNodes.writeUInt32LE(index, 24)

const fd: number = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
if (fd < 0) throw new Error('no raw ICMPv6 socket: this needs root')
// RFC 4861 6.1.2: a receiver drops an advertisement that came over a router.
const hops = Buffer.alloc(4)
hops.writeInt32LE(255)
setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops, hops.length)

// It fails while the link has no carrier or its own address is still being probed; the next one will do.
setInterval(() => sendto(fd, advertisement, advertisement.length, 0, allNodes, allNodes.length), 500)
