// The servers that are compared: each serves one folder on one port of loopback, on one core, and logs no request.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Contestant = {
  readonly name: string
  /** The one load it is for; undefined: all. */
  readonly only?: string
  /** Writes its files into `folder`; yields its command line. `peers`: where Debian's packages are unpacked. */
  readonly prepare: (at: Place) => Promise<readonly string[]>
}

export type Place = {
  readonly folder: string
  readonly httproot: string
  readonly port: number
  readonly peers: string
}

export const contestants: readonly Contestant[] = [
  {
    name: 'ours',
    prepare: async ({ folder, httproot, port }) => {
      const lines = [
        `http: { root: ${httproot}, bind: 127.0.0.1, port: ${port} }`,
        `server: { bind: 127.0.0.1, port: ${port + 1} }`,
        'configuration: { directory: ./conf }',
        'log: { level: warn }',
        '',
      ]
      await mkdir(join(folder, 'conf'))
      await writeFile(join(folder, 'pxe-pilot.yml'), lines.join('\n'))
      return [process.execPath, 'dist/main.js', 'server', '-c', join(folder, 'pxe-pilot.yml')]
    },
  },
  {
    name: 'nginx',
    prepare: async ({ folder, httproot, port, peers }) => {
      // Debian's nginx.conf, with one worker and no access log.
      const lines = [
        `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;`,
        process.getuid?.() === 0 ? 'user root;' : '',
        'events { worker_connections 768; }',
        'http {',
        '  sendfile on; tcp_nopush on; types_hash_max_size 2048; default_type application/octet-stream;',
        '  access_log off; keepalive_requests 1000000;',
        ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (name) => `  ${name}_temp_path ${folder}/${name};`,
        ),
        `  server { listen 127.0.0.1:${port}; root ${httproot}; }`,
        '}',
        '',
      ]
      await writeFile(join(folder, 'nginx.conf'), lines.join('\n'))
      return [join(peers, 'usr/sbin/nginx'), '-p', folder, '-c', join(folder, 'nginx.conf')]
    },
  },
  {
    // What Node's own server can do at best: no file, no decision, always the same answer.
    name: 'node:http alone',
    only: '1 KB',
    prepare: async ({ port }) => [
      process.execPath,
      '--eval',
      `const body = 'x'.repeat(1024)
      const headers = ['Content-Type', 'text/plain', 'Content-Length', '1024']
      require('node:http').createServer({ keepAlive: true, noDelay: true }, (request, response) => {
        response.writeHead(200, headers)
        response.end(body, 'latin1')
      }).listen(${port}, '127.0.0.1')`,
    ],
  },
]
