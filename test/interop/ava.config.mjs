export default {
  files: ['test/interop/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '60s',
}
