// A TFTP client on a real socket of 127.0.0.1, patient as firmware is: it repeats its request and its last ACK.

import { createSocket } from 'node:dgram'
import { Download, type Asked } from './download.ts'

export type Where = { readonly address: string; readonly port: number }

export type Fetched = Download & { readonly from: Where | undefined }

export function where(text: string | undefined): Where {
  const [address = '', port = ''] = (text ?? '').split(':')
  return { address, port: Number(port) }
}

/** Rejects when nothing more comes for 20 s. */
export async function fetchFrom(server: Where, asked: Asked, repeatMs = 500): Promise<Fetched> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
  const download = new Download(asked)
  let from: Where | undefined
  let last = { bytes: download.request, to: server }
  let repeats = 0
  try {
    await new Promise<void>((resolve, reject) => {
      const send = () => socket.send(last.bytes, last.to.port, last.to.address)
      const repeat = setInterval(() => {
        if (++repeats * repeatMs <= 20_000) return send()
        clearInterval(repeat)
        reject(new Error(`no answer to ${asked.file}`))
      }, repeatMs)
      socket.on('error', reject)
      socket.on('message', (bytes, { address, port }) => {
        from ??= { address, port }
        if (address !== from.address || port !== from.port) return
        repeats = 0
        repeat.refresh()
        const answer = download.take(bytes)
        if (answer !== undefined) {
          last = { bytes: answer, to: from }
          send()
        }
        if (!download.isOver) return
        clearInterval(repeat)
        resolve()
      })
      socket.bind(0, '127.0.0.1', send)
    })
  } finally {
    socket.close()
  }
  return Object.assign(download, { from })
}
