import { expect, test } from 'vitest'
import { SyncLine } from '../src/gate.ts'

test('one sync runs at a time, also for a call that comes between two', async () => {
  let running = 0
  let most = 0
  let syncs = 0
  const line = new SyncLine(async () => {
    syncs++
    most = Math.max(most, ++running)
    for (let i = 0; i < 5; i++) await null
    running--
  })
  // The one behind the first comes when the first is over and the next has not begun.
  await Promise.all([line.run().then(() => line.run()), line.run(), line.run()])
  expect({ most, syncs }).toEqual({ most: 1, syncs: 2 })
})
