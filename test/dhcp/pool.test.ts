// The order in which a pool gives its addresses, and which it never gives.

import test from 'ava'
import { Pool } from '../../src/dhcp/pool.ts'
import type { Scope } from '../../src/dhcp/scope.ts'
import { formatIpv4, parseRange, parseSubnet, type Ipv4 } from '../../src/net/ipv4.ts'
import { address4 } from './network.ts'

function poolOf(subnet: string, ...ranges: readonly string[]): Pool {
  const [parsed, list] = [parseSubnet(subnet), ranges.map(parseRange)]
  if (parsed === undefined) throw new Error(subnet)
  const scope: Scope = {
    subnet: parsed,
    mode: 'server',
    ranges: list.flatMap((range) => range ?? []),
    options: new Map(),
    leaseTime: 1,
    minLeaseTime: 1,
    maxLeaseTime: 1,
  }
  return new Pool(scope)
}

const never = () => undefined
const always = () => true

function takeAll(
  pool: Pool,
  isFree: (ip: Ipv4) => boolean = always,
  leftAt: (ip: Ipv4) => number | undefined = never,
) {
  const taken = new Set<Ipv4>()
  const free = (ip: Ipv4) => !taken.has(ip) && isFree(ip)
  for (let ip = pool.take(free, leftAt, 0); ip !== undefined; ip = pool.take(free, leftAt, 0)) taken.add(ip)
  return [...taken].map(formatIpv4)
}

test('every address of every range is given once', (t) => {
  const pool = poolOf('10.77.0.0/24', '10.77.0.10-10.77.0.12', '10.77.0.20')
  t.is(pool.size, 4)
  t.deepEqual(takeAll(pool), ['10.77.0.10', '10.77.0.11', '10.77.0.12', '10.77.0.20'])
  t.true(pool.has(address4('10.77.0.20')))
  t.false(pool.has(address4('10.77.0.13')))
})

test("the subnet's own address and its broadcast address are never given, but in a /31 (RFC 3021)", (t) => {
  const whole = poolOf('10.77.0.0/29', '10.77.0.0-10.77.0.7')
  t.is(whole.size, 6)
  t.deepEqual(takeAll(whole).slice(0, 1), ['10.77.0.1'])
  t.deepEqual(takeAll(poolOf('10.77.0.0/29', '10.77.0.0-10.77.0.7')).slice(-1), ['10.77.0.6'])
  t.false(whole.has(address4('10.77.0.0')))
  t.false(whole.has(address4('10.77.0.7')))
  t.deepEqual(takeAll(poolOf('10.77.0.0/31', '10.77.0.0-10.77.0.1')), ['10.77.0.0', '10.77.0.1'])
  t.deepEqual(takeAll(poolOf('10.77.0.0/24', '10.77.0.255')), [])
  t.deepEqual(takeAll(poolOf('10.77.0.0/24')), [])
})

test('what was never given goes first, then what was left longest ago', (t) => {
  const left = new Map([
    ['10.77.0.10', 300],
    ['10.77.0.11', 100],
    ['10.77.0.13', 200],
  ])
  const pool = poolOf('10.77.0.0/24', '10.77.0.10-10.77.0.14')
  const order = takeAll(pool, always, (ip) => left.get(formatIpv4(ip)))
  t.deepEqual(order, ['10.77.0.12', '10.77.0.14', '10.77.0.11', '10.77.0.13', '10.77.0.10'])
})

test('an address that was not free when its turn came is found again later', (t) => {
  const pool = poolOf('10.77.0.0/24', '10.77.0.10-10.77.0.11')
  const busy = address4('10.77.0.10')
  t.is(
    pool.take((ip) => ip !== busy, never, 0),
    address4('10.77.0.11'),
  )
  t.is(
    pool.take((ip) => ip === busy, never, 0),
    busy,
  )
})

test('a full pool is looked through once a second, and again at once when an address came free', (t) => {
  const pool = poolOf('10.77.0.0/24', '10.77.0.10-10.77.0.19')
  takeAll(pool)
  let looks = 0
  const look = (now: number, isFree = false) =>
    pool.take(
      () => {
        looks++
        return isFree
      },
      () => 1,
      now,
    )
  t.is(look(5000), undefined)
  t.is(looks, 10)
  for (let now = 5001; now < 6000; now += 100) look(now, true)
  t.is(looks, 10)
  t.not(look(6000, true), undefined)
  pool.refresh()
  t.not(look(6001, true), undefined)
})
