export default {
  files: ['test/postgres/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '60s',
}
