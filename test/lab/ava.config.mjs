// Real machines, one of each of two files at a time: software emulation takes a core to itself.
export default {
  files: ['test/lab/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 2,
  timeout: '10m',
}
