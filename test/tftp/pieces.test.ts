// Pieces of files that several transfers load at once.

import test from 'ava'
import { buffer, firstRead, Piece, Shelf } from '../../src/tftp/pieces.ts'

test('what one transfer has read, the next one of the same state finds; nothing is kept of what nobody loads', (t) => {
  const shelf = new Shelf()
  const [first, second, other] = [shelf.share('a'), shelf.share('a'), shelf.share('b')]
  const piece = new Piece(firstRead, Buffer.from('octets'))
  first.add(piece)
  t.is(second.find(firstRead), piece)
  t.is(second.find(0), undefined)
  t.is(other.find(firstRead), undefined)
  first.leave()
  t.is(second.find(firstRead), piece)
  second.leave()
  const later = shelf.share('a')
  t.is(later.find(firstRead), undefined)
})

test('a buffer is used again when nobody holds it, and no sooner', (t) => {
  const shelf = new Shelf()
  const [share, other] = [shelf.share('a'), shelf.share('a')]
  const bytes = buffer(firstRead)
  const piece = new Piece(0, bytes)
  share.add(piece)
  piece.hold()
  piece.release()
  piece.release()
  t.not(buffer(firstRead), bytes)
  t.is(share.find(0), piece)
  share.leave()
  other.leave()
  t.not(buffer(firstRead), bytes)
  piece.release()
  t.is(buffer(firstRead), bytes)
})

test('what is kept has its bounds, however many files are sent', (t) => {
  const shelf = new Shelf()
  const [one, two] = [shelf.share('a'), shelf.share('b')]
  for (const state of ['a', 'b']) shelf.share(state)
  for (let start = 0; start < 200; start++) {
    one.add(new Piece(start, Buffer.from([start])))
    two.add(new Piece(start, Buffer.from([start])))
  }
  const found = Array.from({ length: 200 }, (_, start) => [one.find(start), two.find(start)]).flat()
  t.is(found.filter((piece) => piece !== undefined).length, 256)
  t.truthy(two.find(199))
})
