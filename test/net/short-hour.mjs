// node --import ./short-hour.mjs: a process in which what waits for an hour waits for a second.

const { setTimeout } = globalThis
globalThis.setTimeout = (run, ms, ...words) => setTimeout(run, ms === 3_600_000 ? 1000 : ms, ...words)
