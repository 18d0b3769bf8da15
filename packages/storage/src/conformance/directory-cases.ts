/** The contract of names, publishing, locks and closing. */
import type { Storage } from '../storage.ts'
import { equal, failsWith, pattern } from './check.ts'
import { type ConformanceCase, contentsOf, createFile, readAll } from './suite.ts'

const HOSTILE_NAMES: readonly unknown[] = [
  '',
  '.',
  '..',
  '../a',
  'a/b',
  '/etc/passwd',
  'a\\b',
  'a\0',
  '.hidden',
  'LOCK',
  'lock',
  'a b',
  'ä',
  'a\n',
  'C:a',
  '__proto__\u200b',
  'a'.repeat(201),
  undefined,
  null,
  7,
  {},
]

export const directoryCases: readonly ConformanceCase[] = [
  {
    name: 'an empty directory has no names',
    async run({ storage }) {
      equal(await storage.list(), [], 'names')
      equal(storage.openFiles, [], 'open files')
    },
  },
  {
    name: 'names are listed in ascending order, each once',
    async run({ storage }) {
      for (const name of ['b', 'a-2', 'B', 'a.1', '__proto__', 'constructor', '-x', 'a'.repeat(200)]) {
        await (await createFile(storage, name, pattern(1))).close()
      }
      const expected = ['-x', 'B', '__proto__', 'a-2', 'a.1', 'a'.repeat(200), 'b', 'constructor']
      equal(await storage.list(), expected, 'names')
    },
  },
  {
    name: 'a name that is no file name is refused everywhere',
    async run({ storage }) {
      for (const name of HOSTILE_NAMES) {
        const hostile = name as string
        const what = JSON.stringify(name) ?? 'undefined'
        const code = 'STORAGE_INVALID_ARGUMENT'
        await failsWith(code, () => storage.open(hostile, { mode: 'create' }), `create ${what}`)
        await failsWith(code, () => storage.open(hostile, { mode: 'read' }), `open ${what}`)
        await failsWith(code, () => storage.size(hostile), `size ${what}`)
        await failsWith(code, () => storage.remove(hostile), `remove ${what}`)
        await failsWith(code, () => storage.publish(hostile, pattern(1)), `publish ${what}`)
        if (storage.supportsSync) await failsWith(code, () => storage.openSync(hostile), `openSync ${what}`)
      }
      const mode = 'truncate' as 'read'
      await failsWith('STORAGE_INVALID_ARGUMENT', () => storage.open('a', { mode }), 'a wrong mode')
      const nothing = undefined as unknown as { mode: 'read' }
      await failsWith('STORAGE_INVALID_ARGUMENT', () => storage.open('a', nothing), 'no mode')
      equal(await storage.list(), [], 'names')
    },
  },
  {
    name: 'what somebody else left there is told, and is not taken for a file',
    async run({ storage, addForeign }) {
      equal(await storage.foreignNames(), [], 'an empty directory')
      const lock = await storage.lock()
      await storage.publish('a', pattern(1))
      await (await createFile(storage, 'b', pattern(1))).close()
      equal(await storage.foreignNames(), [], 'beside the lock and files')
      await lock.release()
      equal(await storage.foreignNames(), [], 'beside what the lock left')
      if (addForeign === undefined) return
      // One as an interrupted `publish` can leave it.
      for (const name of ['.hidden', 'two words', '.publish-0-a', 'c']) await addForeign(name)
      equal(await storage.foreignNames(), ['.hidden', 'two words'], 'foreign names')
      equal(await storage.list(), ['a', 'b', 'c'], 'names')
      await storage.lock()
      equal(await storage.foreignNames(), ['.hidden', 'two words'], 'taken away by nobody')
    },
  },
  {
    name: 'what is missing is STORAGE_NOT_FOUND, what is taken STORAGE_EXISTS',
    async run({ storage }) {
      const error = await failsWith('STORAGE_NOT_FOUND', () => storage.open('a', { mode: 'read' }), 'open')
      equal('file' in error ? error.file : undefined, 'a', 'the file that the error names')
      await failsWith('STORAGE_NOT_FOUND', () => storage.open('a', { mode: 'write' }), 'open to write')
      await failsWith('STORAGE_NOT_FOUND', () => storage.size('a'), 'size')
      await failsWith('STORAGE_NOT_FOUND', () => storage.remove('a'), 'remove')
      await (await createFile(storage, 'a', pattern(5))).close()
      await failsWith('STORAGE_EXISTS', () => storage.open('a', { mode: 'create' }), 'create')
      equal(await storage.size('a'), 5, 'size')
    },
  },
  {
    name: 'a file that is removed stays readable for who has it open',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(5))
      await storage.remove('a')
      equal(await storage.list(), [], 'names')
      equal(await readAll(file), pattern(5), 'contents')
      await (await createFile(storage, 'a', pattern(7, 9))).close()
      equal(await readAll(file), pattern(5), 'contents beside a new file of the name')
      equal(await contentsOf(storage, 'a'), pattern(7, 9), 'the new file')
    },
  },
  {
    name: 'open files are named, once for each handle',
    async run({ storage }) {
      const first = await createFile(storage, 'a', pattern(1))
      const second = await storage.open('a', { mode: 'read' })
      equal(storage.openFiles, ['a', 'a'], 'both')
      await first.close()
      equal(storage.openFiles, ['a'], 'one')
      await second.close()
      equal(storage.openFiles, [], 'none')
    },
  },
  {
    name: 'what was written is there when the directory is opened again',
    async run({ storage, reopen }) {
      const file = await createFile(storage, 'a', pattern(5000))
      await file.datasync()
      await storage.syncDirectory()
      await storage.close()
      const again = await reopen()
      equal(await again.list(), ['a'], 'names')
      equal(await contentsOf(again, 'a'), pattern(5000), 'contents')
    },
  },
  {
    name: 'publish makes a whole file and loses against a name that is taken',
    async run({ storage }) {
      await storage.publish('a', pattern(5000))
      equal(await contentsOf(storage, 'a'), pattern(5000), 'contents')
      await failsWith('STORAGE_EXISTS', () => storage.publish('a', pattern(1)), 'publish again')
      await failsWith('STORAGE_EXISTS', () => storage.open('a', { mode: 'create' }), 'create')
      equal(await contentsOf(storage, 'a'), pattern(5000), 'contents after the lost race')
      await storage.publish('b', new Uint8Array(0))
      equal(await storage.size('b'), 0, 'an empty one')
      equal(await storage.list(), ['a', 'b'], 'names')
      equal(storage.openFiles, [], 'open files')
    },
  },
  {
    name: 'of many that publish one name, one wins',
    async run({ storage, reopen }) {
      const other = await reopen()
      const race = Array.from({ length: 20 }, (_, i) => (i % 2 ? other : storage).publish('a', pattern(1000 + i, i)))
      const results = await Promise.allSettled(race)
      const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []))
      equal(winners.length, 1, 'winners')
      for (const result of results) {
        if (result.status === 'rejected') equal(result.reason.code, 'STORAGE_EXISTS', 'a loser')
      }
      equal(await contentsOf(storage, 'a'), pattern(1000 + winners[0]!, winners[0]!), 'contents')
      await other.close()
    },
  },
  {
    name: 'one lock at a time, over all who opened the directory',
    async run({ storage, reopen }) {
      const lock = await storage.lock()
      equal(lock.held, true, 'held')
      await failsWith('STORAGE_LOCKED', () => storage.lock(), 'a second lock of the same storage')
      const other = await reopen()
      await failsWith('STORAGE_LOCKED', () => other.lock(), 'another storage')
      await Promise.all([lock.release(), lock.release()])
      equal(lock.held, false, 'held after release')
      const second = await other.lock()
      await failsWith('STORAGE_LOCKED', () => storage.lock(), 'the first storage')
      equal(second.held, true, 'the second lock')
      await other.close()
      equal((await storage.lock()).held, true, 'after the other closed')
      equal(await storage.list(), [], 'the lock is no file')
    },
  },
  {
    name: 'of many that lock, one wins',
    async run({ storage, reopen }) {
      const storages: Storage[] = [storage, ...(await Promise.all(Array.from({ length: 7 }, () => reopen())))]
      const results = await Promise.allSettled(storages.map((each) => each.lock()))
      equal(results.filter((result) => result.status === 'fulfilled').length, 1, 'winners')
      await Promise.all(storages.map((each) => each.close()))
    },
  },
  {
    name: 'a lock is not lost by being released',
    async run({ storage }) {
      const lock = await storage.lock()
      let lost = false
      lock.lost.then(() => {
        lost = true
      })
      await lock.release()
      await new Promise((resolve) => setTimeout(resolve, 5))
      equal(lost, false, 'lost')
      const file = await createFile(storage, 'a', pattern(1))
      equal(await file.size(), 1, 'writes go on')
    },
  },
  {
    name: 'close closes the files and refuses what comes later',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(1))
      const lock = await storage.lock()
      const pending = Promise.allSettled([file.append(pattern(100_000))])
      await Promise.all([storage.close(), storage.close()])
      equal((await pending)[0].status, 'fulfilled', 'a pending append')
      equal(storage.openFiles, [], 'open files')
      equal(lock.held, false, 'the lock')
      await failsWith('STORAGE_CLOSED', () => file.size(), 'the file')
      await failsWith('STORAGE_CLOSED', () => storage.open('a', { mode: 'read' }), 'open')
      await failsWith('STORAGE_CLOSED', () => storage.list(), 'list')
      await failsWith('STORAGE_CLOSED', () => storage.foreignNames(), 'foreignNames')
      await failsWith('STORAGE_CLOSED', () => storage.size('a'), 'size')
      await failsWith('STORAGE_CLOSED', () => storage.remove('a'), 'remove')
      await failsWith('STORAGE_CLOSED', () => storage.publish('b', pattern(1)), 'publish')
      await failsWith('STORAGE_CLOSED', () => storage.syncDirectory(), 'syncDirectory')
      await failsWith('STORAGE_CLOSED', () => storage.lock(), 'lock')
    },
  },
  {
    name: 'what describes the directory survives JSON',
    async run({ storage }) {
      const descriptor = storage.describe()
      if (descriptor === undefined) return
      equal(JSON.parse(JSON.stringify(descriptor)), descriptor, 'the descriptor')
      equal(structuredClone(descriptor), descriptor, 'its clone')
    },
  },
]
