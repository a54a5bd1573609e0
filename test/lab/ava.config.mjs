// Real machines, one at a time: software emulation takes a core to itself.
export default {
  files: ['test/lab/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '10m',
}
