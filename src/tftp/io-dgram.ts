// TFTP's sockets on plain dgram, for where libc cannot be called.

import { createSocket, type Socket } from 'node:dgram'
import type { Tell } from '../events.ts'
import { formatIpv4, ipv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import { bindError } from '../net/ports.ts'
import { dataHeader } from './packet.ts'
import { putBlock, type Port, type Receive } from './port.ts'
import { socketBuffer, tellUnsent, type OpenPlace } from './sockets.ts'

export function openDgram(receive: Receive, tell: Tell): OpenPlace {
  return async (address, port, transfers) => {
    const sockets: Socket[] = []
    const close = () => {
      for (const socket of sockets) socket.close()
    }
    try {
      const others: Port[] = []
      for (let count = 0; count < transfers; count++) {
        const socket = await bind(address, 0, tell)
        sockets.push(socket)
        others.push(serve(socket, address, undefined, receive, tell))
      }
      const listening = await bind(address, port, tell)
      sockets.push(listening)
      serve(listening, address, others, receive, tell)
      return { port: listening.address().port, close }
    } catch (error) {
      close()
      throw error
    }
  }
}

/** @throws BindError */
async function bind(ip: Ipv4, port: number, tell: Tell): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: socketBuffer,
    sendBufferSize: socketBuffer,
    // Addresses are numbers already: no thread of the file pool for each packet, and none is looked up.
    lookup: (host, _options, found) => found(null, host, 4),
  })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: formatIpv4(ip), port, exclusive: true }, resolve)
    })
  } catch (error) {
    socket.close()
    throw bindError({ service: 'TFTP', protocol: 'udp', port, setting: 'tftp.port' }, error)
  }
  socket.removeAllListeners('error')
  socket.on('error', (error) => tellUnsent(tell, error))
  return socket
}

/** `transfers`: for a socket that takes requests, the ports they are answered from; empty: from itself. */
function serve(
  socket: Socket,
  address: Ipv4,
  transfers: readonly Port[] | undefined,
  receive: Receive,
  tell: Tell,
): Port {
  const sent = (error: Error | null) => {
    if (error !== null) tellUnsent(tell, error)
  }
  let turn = 0
  const port: Port = {
    address,
    isListening: transfers !== undefined,
    send: (bytes, to, toPort) => {
      try {
        socket.send(bytes, toPort, formatIpv4(to), sent)
      } catch (error) {
        // A closed socket, or a source port of 0.
        tellUnsent(tell, error)
      }
    },
    sendBlocks: (blocks, to, toPort) => {
      for (let block = blocks.first; block <= blocks.last; block++) {
        const bytes = Buffer.allocUnsafe(dataHeader + blocks.blksize)
        port.send(bytes.subarray(0, putBlock(blocks, block, bytes, 0)), to, toPort)
      }
    },
    flush: () => undefined,
    forTransfer: (unlike) => {
      const choice = transfers?.filter((other) => other !== unlike) ?? []
      turn = (turn + 1) % Math.max(1, choice.length)
      return choice[turn] ?? port
    },
  }
  socket.on('message', (bytes, from) => receive(port, bytes, parseIpv4(from.address) ?? ipv4(0), from.port))
  return port
}
