// Tests with a network namespace of their own: one file after the other, as they share two cores with what they start.
export default {
  files: ['test/net/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '3m',
}
