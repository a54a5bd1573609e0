// The decision, row by row, on the main thread.

import { readFileSync } from 'node:fs'
import test from 'ava'
import { decideRow, h1, leased, path, rows, written } from './rows.ts'

for (const row of rows) {
  test(`${row.given} -> ${row.expect}`, (t) => {
    const decision = decideRow(row)
    t.is(decision.reason.rule, row.expect, decision.reason.because)
    t.is(decision.answers.length, row.answers.length, JSON.stringify(decision.answers))
    for (const [index, answer] of decision.answers.entries()) {
      const expected = row.answers[index]
      if (expected?.kind !== 'shown') t.deepEqual(answer, expected)
      else t.regex(answer.kind === 'text' ? answer.body : '', expected.text)
    }
    t.regex(decision.reason.because, row.because ?? /./)
  })
}

test('docs/decisions/0006 is these rows', (t) => {
  const docs = readFileSync('docs/decisions/0006-what-a-machine-gets.md', 'utf8')
  const lines = [...docs.matchAll(/^\| (.+?) +\| (.+?) +\| ([a-z-]+) +\|$/gm)]
  const told = lines.map(([, given, gets, rule]) => `${given} | ${gets} | ${rule}`).slice(2)
  t.deepEqual(told, rows.map(written))
})

test('by HTTP httproot comes first, then its template, then the boot files', (t) => {
  const decision = decideRow({
    given: '',
    facts: { via: 'http', mac: h1, ip: leased, asks: path('/ubuntu.seed') },
    expect: 'file',
    answers: [],
  })
  t.deepEqual(
    decision.answers.map((answer) => [answer.kind, 'path' in answer ? answer.path : '']),
    [
      ['file', 'ubuntu.seed'],
      ['template', 'ubuntu.seed.tmpl'],
      ['file', 'ubuntu.seed'],
    ],
  )
  const template = decision.answers[1]
  t.true(template?.kind === 'template')
  t.like(template?.kind === 'template' ? template.variables() : {}, {
    server: '10.77.0.1',
    http: 'http://10.77.0.1',
    api: 'http://10.77.0.1:3478',
    mac: h1,
    ip: '10.77.0.129',
    hostname: 'h1',
  })
})
