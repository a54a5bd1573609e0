// Which address a client gets, what is kept from whom, and that no address ever has two holders.

import test from 'ava'
import * as fc from 'fast-check'
import type { Lease } from '../../src/model.ts'
import type { Probe } from '../../src/dhcp/conflicts.ts'
import { formatIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import type { Mac } from '../../src/net/mac.ts'
import type { Outcome } from '../../src/store/store.ts'
import { address4, Client, host, links, mac6, relayed, Server, type Parts } from './network.ts'
import { ip, type Option } from './wire.ts'

const lab = { subnet: '10.77.0.0/24', ranges: ['10.77.0.100-10.77.0.109'], router: '10.77.0.254' }

function serve(subnet: object = {}, dhcp: object = {}, more: Partial<Parts> = {}): Server {
  return new Server({ dhcp: { mode: 'server', subnets: [{ ...lab, ...subnet }], ...dhcp }, ...more })
}

const everyone = { limits: { unknown_share: 1 } }

test('a client that comes back gets its address again: while it holds it, after RELEASE, and after its lease ended', async (t) => {
  const server = serve()
  const [a, b] = [new Client(server, 1), new Client(server, 2)]
  const own = await a.boot()
  t.not(await b.boot(), own)
  t.is(await a.boot(), own)
  await a.release(own)
  t.is(await a.boot(), own)
  server.wait(7200)
  t.is(await a.boot(), own)
})

test('D05 D06 the address a client asks for is offered if it is in a pool and free, else another', async (t) => {
  const server = serve()
  t.is(await new Client(server, 1).offered('10.77.0.107'), '10.77.0.107')
  for (const wish of [
    '10.77.0.99',
    '10.77.0.110',
    '10.77.0.254',
    '10.77.0.1',
    '10.77.0.0',
    '192.0.2.1',
    '0.0.0.0',
  ]) {
    t.regex((await new Client(server, 2).offered(wish)) ?? '', /^10\.77\.0\.10\d$/, wish)
  }
  t.not(await new Client(server, 3).offered('10.77.0.107'), '10.77.0.107')
})

test('what it has goes before what it asks for', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const own = await client.boot()
  t.is(await client.offered('10.77.0.105'), own)
})

test("a reserved address is its host's, inside the pool and outside, for each of its cards, and nobody else's", async (t) => {
  const inside = host('a', ['52:54:00:00:00:01', '52:54:00:00:00:02'], { ip: address4('10.77.0.100') })
  const outside = host('b', ['52:54:00:00:00:03'], { ip: address4('10.77.0.11') })
  const server = serve({}, everyone, { hosts: [inside, outside] })
  t.is(await new Client(server, 9).offered('10.77.0.100'), '10.77.0.101')
  t.is(await new Client(server, 3).boot(), '10.77.0.11')
  t.is(await new Client(server, 1).boot(), '10.77.0.100')
  // The second card of a machine whose first one has it.
  t.not(await new Client(server, 2).boot(), '10.77.0.100')
  for (let number = 20; number < 40; number++) {
    t.not(await new Client(server, number).offered(), '10.77.0.100')
  }
  t.is(await new Client(server, 8).take('10.77.0.11'), 'NAK')
})

test('a subnet without ranges serves those with a reserved address only', async (t) => {
  const server = serve(
    { ranges: [] },
    {},
    { hosts: [host('a', ['52:54:00:00:00:01'], { ip: address4('10.77.0.11') })] },
  )
  t.is(await new Client(server, 1).boot(), '10.77.0.11')
  t.is(await new Client(server, 2).offered(), undefined)
})

test('a machine that gets a reservation moves to it when it starts, keeps what it has while it runs, and leaves nothing behind', async (t) => {
  const held: Lease = {
    ip: address4('10.77.0.105'),
    mac: mac6('52:54:00:00:00:01'),
    state: 'bound',
    since: 0,
    expires: 1_767_225_600_000 + 3_600_000,
  }
  const hosts = [host('a', ['52:54:00:00:00:01'], { ip: address4('10.77.0.11') })]
  const server = serve({}, {}, { hosts, leases: [held] })
  const client = new Client(server, 1)
  t.is(await client.renew('10.77.0.105'), 'ACK 10.77.0.105')
  t.is(await client.reboot('10.77.0.105'), 'NAK')
  t.is(await client.boot(), '10.77.0.11')
  t.is(server.holder('10.77.0.105'), undefined)
  t.is(await client.release('10.77.0.11'), 'silence')
  t.is(server.holder('10.77.0.11'), undefined)
})

test('a machine has one address on a link, however many it takes', async (t) => {
  for (const ciaddr of ['0.0.0.0', '10.77.0.100']) {
    const server = serve()
    const client = new Client(server, 1, { ciaddr })
    for (let last = 100; last < 108; last++) t.is(await client.take(`10.77.0.${last}`), `ACK 10.77.0.${last}`)
    const held = Array.from(server.leases.all()).filter(({ state }) => state === 'bound')
    t.deepEqual(
      held.map((lease) => formatIpv4(lease.ip)),
      ['10.77.0.107'],
    )
  }
})

test("never given: the subnet's own and broadcast address, the router's and ours, though the range holds them", async (t) => {
  const server = serve(
    { subnet: '10.77.0.0/29', ranges: ['10.77.0.0-10.77.0.7'], router: '10.77.0.6' },
    everyone,
  )
  const given: string[] = []
  for (let number = 1; number < 10; number++)
    given.push((await new Client(server, number).offered()) ?? 'none')
  t.deepEqual(given.toSorted(), [
    '10.77.0.2',
    '10.77.0.3',
    '10.77.0.4',
    '10.77.0.5',
    ...Array.from({ length: 5 }, () => 'none'),
  ])
  for (const last of [0, 1, 6, 7]) t.is(await new Client(server, 50 + last).take(`10.77.0.${last}`), 'NAK')
})

test('D12 a full pool is met with silence and one warning a minute; a RELEASE serves the next', async (t) => {
  const server = serve({ ranges: ['10.77.0.100-10.77.0.101'] }, everyone)
  const [a, b, c] = [1, 2, 3].map((number) => new Client(server, number))
  const [first] = [await a?.boot(), await b?.boot()]
  const warned = () => server.warnings().filter((text) => text.includes('gets no address')).length
  for (let time = 0; time < 59; time++) {
    t.is(await c?.offered(), undefined)
    server.wait(1)
  }
  t.is(warned(), 1)
  server.wait(1)
  t.is(await c?.offered(), undefined)
  t.is(warned(), 2)
  await a?.release(first ?? '')
  t.is(await c?.boot(), first)
})

test('who runs a pool is warned when nine tenths of it are in use', async (t) => {
  const server = serve({}, everyone)
  for (let number = 1; number < 9; number++) await new Client(server, number).boot()
  t.deepEqual(server.warnings(), [])
  await new Client(server, 9).boot()
  t.is(server.warnings().length, 1)
  t.regex(server.warnings()[0] ?? '', /90 % of the addresses of 10\.77\.0\.0\/24/)
})

test('reserved addresses outside the ranges are no part of what is in use of them', async (t) => {
  const hosts = Array.from({ length: 20 }, (_, index) =>
    host(`h${index}`, [`52:54:00:00:01:${10 + index}`], { ip: address4(`10.77.0.${11 + index}`) }),
  )
  for (const ranges of [[], lab.ranges]) {
    const server = serve({ ranges }, everyone, { hosts })
    for (const index of hosts.keys()) {
      const client = new Client(server, Number(`0x1${10 + index}`))
      t.is(await client.boot(), `10.77.0.${11 + index}`)
    }
    t.deepEqual(server.warnings(), [])
    if (ranges.length === 0) continue
    for (let number = 1; number < 9; number++) await new Client(server, number).boot()
    t.deepEqual(server.warnings(), [])
    // Nor of the one address in ten that may be set aside.
    await new Client(server, 0x110).decline('10.77.0.11')
    await new Client(server, 1).decline('10.77.0.100')
    const aside = Array.from(server.leases.all()).filter(({ state }) => state === 'declined')
    t.deepEqual(
      aside.map((lease) => formatIpv4(lease.ip)),
      ['10.77.0.11', '10.77.0.100'],
    )
  }
})

test('machines nobody declared get their share of a pool and no more, by DISCOVER or by REQUEST; known ones the rest', async (t) => {
  const hosts = [host('a', ['52:54:00:00:01:01']), host('b', ['52:54:00:00:01:02'])]
  const server = serve({}, { limits: { unknown_share: 0.8 } }, { hosts })
  for (let number = 1; number <= 8; number++) await new Client(server, number).boot()
  t.is(await new Client(server, 9).offered(), undefined)
  t.is(await new Client(server, 9).offered('10.77.0.109'), undefined)
  t.is(await new Client(server, 9).take('10.77.0.109'), 'NAK')
  t.true(server.warnings().some((text) => text.includes('dhcp.limits.unknown_share')))
  // Those who have one keep it.
  t.regex(await new Client(server, 1).boot(), /^10\.77/)
  t.regex(await new Client(server, 0x101).boot(), /^10\.77/)
  t.regex(await new Client(server, 0x102).boot(), /^10\.77/)
})

test('what a stranger once had is no part of the share it has now', async (t) => {
  const server = serve({}, { limits: { unknown_share: 0.5 } })
  const clients = Array.from({ length: 6 }, (_, index) => new Client(server, 1 + index))
  const [first] = clients
  const had = await first?.boot()
  await first?.release(had ?? '')
  server.wait(2)
  for (const client of clients.slice(1)) await client.boot()
  server.wait(2)
  t.is(await first?.offered(), undefined)
  t.is(await first?.take('10.77.0.109'), 'NAK')
})

test('a share of 0 is none', async (t) => {
  const hosts = [host('a', ['52:54:00:00:00:02'])]
  const server = serve({}, { limits: { unknown_share: 0, declined_share: 0 } }, { hosts })
  t.is(await new Client(server, 1).offered(), undefined)
  const known = new Client(server, 2)
  const own = await known.boot()
  await known.decline(own)
  t.false(Array.from(server.leases.all()).some(({ state }) => state === 'declined'))
})

test('D09 an offer waits for its client, and no longer than it is held', async (t) => {
  const server = serve({ ranges: ['10.77.0.100'] }, { limits: { unknown_share: 1, offer_hold: '60s' } })
  const [a, b] = [new Client(server, 1), new Client(server, 2)]
  t.is(await a.offered(), '10.77.0.100')
  server.wait(30)
  t.is(await a.offered(), '10.77.0.100')
  t.is(await b.offered(), undefined)
  t.is(await b.take('10.77.0.100'), 'NAK')
  server.wait(59)
  t.is(await b.offered(), undefined)
  server.wait(1)
  t.is(await b.offered(), '10.77.0.100')
  // The first one is late, and the offer of the second is not lost by that.
  t.is(await a.take('10.77.0.100'), 'NAK')
  t.is(await a.offered(), undefined)
  t.is(await b.take('10.77.0.100'), 'ACK 10.77.0.100')
})

test('a client whose old offer went to another takes nothing from that one with its next', async (t) => {
  const server = serve({ ranges: ['10.77.0.100-10.77.0.101'] }, everyone)
  const [a, b, c] = [new Client(server, 1), new Client(server, 2), new Client(server, 3)]
  t.is(await a.offered('10.77.0.100'), '10.77.0.100')
  server.wait(61)
  t.is(await b.offered('10.77.0.100'), '10.77.0.100')
  t.is(await a.offered(), '10.77.0.101')
  t.is(await c.offered(), undefined)
  t.is(await b.take('10.77.0.100'), 'ACK 10.77.0.100')
})

test('a known machine gets what a stranger was offered and has not taken, but not what is being written for it', async (t) => {
  const hosts = [host('a', ['52:54:00:00:01:01'])]
  const server = serve({ ranges: ['10.77.0.100'] }, everyone, { hosts })
  const [stranger, known] = [new Client(server, 1), new Client(server, 0x101)]
  t.is(await stranger.offered(), '10.77.0.100')
  t.is(await known.offered(), '10.77.0.100')
  t.is(await stranger.take('10.77.0.100'), 'NAK')

  const busy = serve({ ranges: ['10.77.0.100'] }, everyone, { hosts })
  const [writing, late] = [new Client(busy, 1), new Client(busy, 0x101)]
  await writing.offered()
  let written: (() => void) | undefined
  busy.commit = (leases) => new Promise((resolve) => (written = () => resolve(leases.map(() => 'ok'))))
  const taking = writing.take('10.77.0.100')
  t.is(await late.offered(), undefined)
  written?.()
  t.is(await taking, 'ACK 10.77.0.100')
})

test('a known machine is not offered what a stranger waits for where it would be refused it: reserved by now, or in use', async (t) => {
  const hosts = [host('a', ['52:54:00:00:01:01']), host('b', ['52:54:00:00:01:02'])]
  const [first, second] = ['10.77.0.100', '10.77.0.101']
  const reserved = serve({ ranges: [`${first}-${second}`] }, everyone, { hosts })
  t.is(await new Client(reserved, 1).offered(first), first)
  t.is(await new Client(reserved, 2).offered(second), second)
  reserved.reserved.set(address4(first), [mac6('52:54:00:00:01:02')])
  t.is(await new Client(reserved, 0x101).boot(), second)
  t.is(await new Client(reserved, 0x103).offered(), undefined)

  const inUse = serve({ ranges: [first] }, everyone, {
    hosts,
    probe: async (_, ips) => new Map(ips.map((asked) => [asked, mac6('52:54:00:ff:ff:01')])),
  })
  t.is(await new Client(inUse, 1).offered(first), first)
  await inUse.forward(1000)
  t.is(await new Client(inUse, 0x101).offered(), undefined)
})

test('addresses are reused in the order in which they were left', async (t) => {
  const server = serve({ ranges: ['10.77.0.100-10.77.0.103'] }, everyone)
  const clients = [1, 2, 3, 4].map((number) => new Client(server, number))
  const given: string[] = []
  for (const client of clients) given.push(await client.boot())
  for (const index of [2, 0, 3, 1]) {
    server.wait(10)
    await clients[index]?.release(given[index] ?? '')
  }
  server.wait(2)
  const again: string[] = []
  for (let number = 11; number <= 14; number++) again.push(await new Client(server, number).boot())
  t.deepEqual(again, [given[2], given[0], given[3], given[1]])
})

test('L06 L05 L09 a DECLINE sets an address aside for an hour: of its own client only, and of a tenth of the pool at most', async (t) => {
  const server = serve({ ranges: ['10.77.0.100-10.77.0.199'] }, everyone)
  const victim = new Client(server, 1)
  const own = await victim.boot()
  await new Client(server, 2).decline(own)
  await victim.decline('10.77.0.199')
  await victim.decline(own, '10.77.0.99')
  t.is(server.holder(own), victim.mac)
  t.is(server.written.length, 1)
  const decliners = Array.from({ length: 100 }, (_, index) => new Client(server, 1000 + index))
  const offers = await Promise.all(decliners.map((client) => client.offered()))
  // In one moment, while nothing of it is written yet.
  await Promise.all(decliners.map((client, index) => client.decline(offers[index] ?? '10.77.0.199')))
  const declined = () => Array.from(server.leases.all()).filter(({ state }) => state === 'declined')
  t.is(declined().length, 10)
  server.wait(2)
  const [aside] = declined().map((lease) => formatIpv4(lease.ip))
  t.not(await new Client(server, 5000).offered(aside), aside)
  server.wait(3600)
  t.is(await new Client(server, 5001).offered(aside), aside)
})

test('a declined address is not offered to the client that declined it', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const own = await client.boot()
  await client.decline(own)
  t.not(await client.boot(own), own)
})

test('R15 R18 with identity client-id the lease follows the id, with mac the card', async (t) => {
  const id: Option = [61, 'the same']
  for (const identity of ['client-id', 'mac']) {
    const server = serve({}, { ...everyone, identity })
    const [old, swapped] = [1, 2].map((number) => new Client(server, number, { options: [id] }))
    const own = await old?.boot()
    t.is((await swapped?.boot()) === own, identity === 'client-id')
    // One boot: the ROM without an id, the system with one.
    const [rom, system] = [new Client(server, 3), new Client(server, 3, { options: [id] })]
    t.is((await rom.boot()) === (await system.boot()), identity === 'mac')
  }
})

test('R15 the lease of another card with the same client-id is written as ended before its own', async (t) => {
  const server = serve({}, { ...everyone, identity: 'client-id' })
  const [old, swapped] = [1, 2].map((number) => new Client(server, number, { options: [[61, 'id']] }))
  const own = await old?.boot()
  t.is(await swapped?.boot(), own)
  t.deepEqual(
    server.written.map(({ mac, state }) => `${mac} ${state}`),
    [`${old?.mac} bound`, `${old?.mac} released`, `${swapped?.mac} bound`],
  )
})

test("R18 a reserved address is its card's, whether or not it has a client-id just then", async (t) => {
  const hosts = [host('a', ['52:54:00:00:00:01'], { ip: address4('10.77.0.11') })]
  const server = serve({}, { identity: 'client-id' }, { hosts })
  const [rom, system] = [new Client(server, 1), new Client(server, 1, { options: [[61, 'id']] })]
  for (const client of [rom, system, rom, system]) t.is(await client.boot(), '10.77.0.11')
  t.is(await system.renew('10.77.0.11'), 'ACK 10.77.0.11')
  t.is(await system.release('10.77.0.11'), 'silence')
  t.is(server.holder('10.77.0.11'), undefined)
})

test('strangers have no more than their share by many REQUESTs of one moment', async (t) => {
  const server = serve({}, { limits: { unknown_share: 0.5 } })
  const clients = Array.from({ length: 10 }, (_, index) => new Client(server, 1 + index))
  const answers = await Promise.all(clients.map((client, index) => client.take(`10.77.0.${100 + index}`)))
  t.is(answers.filter((answer) => answer.startsWith('ACK')).length, 5)
})

test('clients without a hardware address are told apart by their client-id', async (t) => {
  const server = serve()
  const zero = { mac: '00:00:00:00:00:00' }
  const [a, b] = ['a', 'b'].map((id) => new Client(server, 0, { ...zero, options: [[61, id]] }))
  t.not(await a?.boot(), await b?.boot())
})

test('several subnets on one link: the next one gives what the first has no more; 118 and a relay choose', async (t) => {
  const second = { subnet: '10.78.0.0/24', ranges: ['10.78.0.100-10.78.0.109'] }
  const server = new Server({
    dhcp: { mode: 'server', ...everyone, subnets: [{ ...lab, ranges: ['10.77.0.100'] }, second] },
  })
  const link = links.shared
  t.is(await new Client(server, 1, {}, { link }).boot(), '10.77.0.100')
  t.is(await new Client(server, 2, {}, { link }).offered(), '10.78.0.100')
  t.is(await new Client(server, 3, {}, { link }).offered('10.78.0.105'), '10.78.0.105')
  const bySelection = new Client(server, 4, { options: [[118, ip('10.78.0.0')]] })
  t.regex((await bySelection.offered()) ?? '', /^10\.78\.0\./)
  t.regex((await new Client(server, 5, { giaddr: '10.78.0.254' }).offered()) ?? '', /^10\.78\.0\./)
  const option = relayed([5, ip('10.78.0.0')])
  t.regex(
    (await new Client(server, 6, { giaddr: '192.0.2.1', options: [option] }).offered()) ?? '',
    /^10\.78\.0\./,
  )
  t.is(await new Client(server, 7, { giaddr: '192.0.2.1' }).offered(), undefined)
})

// --- as a property: whatever clients do, in whatever order, while what they are given is being written.

const acts = [
  'boot',
  'boot',
  'offered',
  'take',
  'reboot',
  'renew',
  'release',
  'decline',
  'wait',
  'restart',
] as const

type Step = { readonly act: (typeof acts)[number]; readonly client: number; readonly last: number }

const steps = fc.array(
  fc.record({
    act: fc.constantFrom(...acts),
    client: fc.integer({ min: 1, max: 9 }),
    last: fc.integer({ min: 98, max: 106 }),
  }),
  { minLength: 20, maxLength: 100, size: 'max' },
)

for (const [identity, search] of [
  ['mac', 'by nobody'],
  ['mac', 'on their link'],
  ['client-id', 'by nobody'],
  ['client-id', 'behind a relay'],
] as const) {
  test(`no address ever has two holders, and no lessee is a stranger, whatever ${identity} clients do in whatever order, asked ${search}`, async (t) => {
    let acknowledged = 0
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (list, together) => {
        const world = new World(identity, search)
        for (const step of list) {
          if (!together || step.act === 'wait' || step.act === 'restart') await world.settled()
          world.take(step)
        }
        await world.settled()
        acknowledged += world.acknowledged
      }),
      { numRuns: Number(process.env['PXE_PILOT_RUNS'] ?? 150) },
    )
    t.true(acknowledged > 1000, `only ${acknowledged} leases were given`)
  })
}

type Use = { readonly who: string; readonly mac: Mac; readonly until: number }

/** Nine clients, the server, its store, and what each client was told it may use. */
class World {
  acknowledged = 0
  private readonly identity: string
  private readonly search: 'by nobody' | 'on their link' | 'behind a relay'
  private readonly store = new Book()
  private readonly uses = new Map<string, Use>()
  /** A client says one thing after the other; several speak at once. */
  private readonly speaking = new Map<string, Promise<void>>()
  private server: Server
  private fault: string | undefined

  constructor(identity: string, search: World['search']) {
    this.identity = identity
    this.search = search
    this.server = this.start([])
    void this.server.conflicts?.start()
  }

  take(step: Step): void {
    const { act, client: number, last } = step
    if (act === 'wait') return this.server.wait(last - 90)
    if (act === 'restart') {
      const { now, conflicts } = this.server
      conflicts?.stop()
      this.server = this.start(this.store.all())
      this.server.now = now
      return void this.server.conflicts?.start()
    }
    // Some have an id, and two of these share it: one machine whose card was swapped.
    const id: readonly Option[] = number > 5 ? [[61, `id ${Math.max(number, 7)}`]] : []
    const client = new Client(this.server, number, { options: id })
    const who = this.identity === 'client-id' && id.length > 0 ? String(id[0]?.[1]) : client.mac
    const before = this.speaking.get(who) ?? Promise.resolve()
    this.speaking.set(
      who,
      before.then(() => this.speak(client, who, act, `10.77.0.${last}`)),
    )
  }

  async settled(): Promise<void> {
    const state = { isDone: false }
    const all = Promise.all(this.speaking.values()).finally(() => (state.isDone = true))
    while (!state.isDone) await this.server.forward(20)
    await all
    this.speaking.clear()
    const stranger = this.server.events.find(({ step }) => step === 'dhcp.conflict')
    if (stranger !== undefined) throw new Error(stranger.text)
    if (this.fault !== undefined) throw new Error(this.fault)
  }

  private start(leases: readonly Lease[]): Server {
    const hosts = [
      host('known', ['52:54:00:00:00:01']),
      host('reserved', ['52:54:00:00:00:02', '52:54:00:00:00:03'], { ip: address4('10.77.0.101') }),
    ]
    const limits = { unknown_share: 0.8, declined_share: 0.2 }
    const subnet = {
      ranges: ['10.77.0.99-10.77.0.105'],
      router: '10.77.0.103',
      lease_time: 60,
      min_lease_time: 60,
      max_lease_time: 60,
    }
    const probe: Probe = async (_, ips) => {
      await server.sleep(50)
      return new Map(ips.flatMap((address) => this.answersOf(address)))
    }
    const asking = this.search === 'by nobody' ? undefined : probe
    const server: Server = serve(
      subnet,
      { identity: this.identity, limits },
      { hosts, leases, probe: asking },
    )
    server.commit = (changed) => this.store.apply(changed)
    return server
  }

  /** Who answers for `address` on the network. */
  private answersOf(address: Ipv4): readonly (readonly [Ipv4, Mac | 'unknown'])[] {
    const use = this.uses.get(formatIpv4(address))
    if (use === undefined || use.until <= this.server.now) return []
    return [[address, this.search === 'behind a relay' ? 'unknown' : use.mac]]
  }

  private async speak(client: Client, who: string, act: Step['act'], address: string): Promise<void> {
    // A machine that starts uses nothing any more; one that declines or releases leaves that.
    if (act !== 'renew') this.leave(who)
    // RFC 2131 4.4.5: a lease lasts from when it was asked for.
    const until = this.server.now + 60_000
    const hear = (answer: string) => this.hear(answer, { who, mac: mac6(client.mac), until })
    switch (act) {
      case 'boot': {
        const offered = await client.offered(address)
        return offered === undefined ? undefined : hear(await client.take(offered))
      }
      case 'offered':
        return void (await client.offered(address))
      case 'take':
        return hear(await client.take(address))
      case 'reboot':
        return hear(await client.reboot(address))
      case 'renew':
        return hear(await client.renew(address))
      case 'release':
        return void (await client.release(address))
      case 'decline':
        return void (await client.decline(address))
      default:
    }
  }

  private hear(answer: string, use: Use): void {
    if (!answer.startsWith('ACK ')) return
    const address = answer.slice(4)
    const before = this.uses.get(address)
    this.acknowledged++
    if (before !== undefined && before.who !== use.who && before.until > this.server.now) {
      this.fault = `${address} is given to ${use.who}, though ${before.who} may use it`
    }
    if (!/^10\.77\.0\.(99|10[01245])$/.test(address)) this.fault = `${address} is given`
    this.uses.set(address, use)
  }

  private leave(who: string): void {
    for (const [address, use] of this.uses) if (use.who === who) this.uses.delete(address)
  }
}

/** Keeps what it is given, for a restart, and refuses nothing: the engine alone has to see to it. */
class Book {
  private readonly leases = new Map<number, Lease>()

  async apply(leases: readonly Lease[]): Promise<readonly Outcome[]> {
    await new Promise((resolve) => setImmediate(resolve))
    for (const lease of leases) this.leases.set(lease.ip, lease)
    return leases.map(() => 'ok')
  }

  all(): readonly Lease[] {
    return [...this.leases.values()]
  }
}
