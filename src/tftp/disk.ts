// The way to the disk, as TFTP takes it.

export { Disk, DiskStuck } from '../disk.ts'
