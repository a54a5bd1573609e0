// A Docker daemon of the test's own and a real machine: one after the other, and an image to build first.
export default {
  files: ['test/docker/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '10m',
}
