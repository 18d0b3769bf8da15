/** The contract of one open file. */
import { equal, failsWith, pattern } from './check.ts'
import { type ConformanceCase, contentsOf, createFile, readAll } from './suite.ts'

export const fileCases: readonly ConformanceCase[] = [
  {
    name: 'appends go one behind the other and say where',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      equal(await file.append(pattern(5000, 2)), 10, 'offset of the second append')
      equal(await file.append(new Uint8Array(0)), 5010, 'offset of an empty append')
      equal(await file.size(), 5010, 'size')
      const expected = new Uint8Array([...pattern(10), ...pattern(5000, 2)])
      equal(await readAll(file), expected, 'contents')
    },
  },
  {
    name: 'appends that overlap keep the order of the calls',
    async run({ storage }) {
      const file = await storage.open('a', { mode: 'create' })
      const parts = Array.from({ length: 20 }, (_, i) => pattern(1 + ((i * 997) % 3000), i))
      const offsets = await Promise.all(parts.map((part) => file.append(part)))
      let end = 0
      for (const [i, part] of parts.entries()) {
        equal(offsets[i], end, `offset of append ${i}`)
        end += part.length
      }
      equal(await readAll(file), new Uint8Array(parts.flatMap((part) => [...part])), 'contents')
    },
  },
  {
    name: 'a read is short only at the end of the file',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(100))
      const buffer = new Uint8Array(60)
      equal(await file.read(buffer, 0), 60, 'first read')
      equal(buffer, pattern(100).subarray(0, 60), 'first bytes')
      equal(await file.read(buffer, 60), 40, 'read across the end')
      equal(buffer.subarray(0, 40), pattern(100).subarray(60), 'last bytes')
      equal(await file.read(buffer, 100), 0, 'read at the end')
      equal(await file.read(buffer, 1e12), 0, 'read far behind the end')
      equal(await file.read(new Uint8Array(0), 3), 0, 'read of nothing')
    },
  },
  {
    name: 'a read fills a view and nothing beside it',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(8))
      const around = new Uint8Array(12).fill(255)
      equal(await file.read(around.subarray(2, 10), 0), 8, 'count')
      equal(around, new Uint8Array([255, 255, ...pattern(8), 255, 255]), 'the buffer')
    },
  },
  {
    name: 'a write lands at its position, and a gap reads as zeros',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      await file.write(new Uint8Array([1, 2, 3]), 4)
      await file.write(new Uint8Array([9]), 5000)
      equal(await file.size(), 5001, 'size')
      const expected = new Uint8Array(5001)
      expected.set(pattern(10))
      expected.set([1, 2, 3], 4)
      expected[5000] = 9
      equal(await readAll(file), expected, 'contents')
      equal(await file.append(new Uint8Array([7])), 5001, 'append behind the write')
    },
  },
  {
    name: 'truncate cuts and extends with zeros, and appends go behind it',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(5000))
      await file.truncate(100)
      equal(await file.size(), 100, 'size after the cut')
      await file.truncate(4200)
      const expected = new Uint8Array(4201)
      expected.set(pattern(100))
      expected[4200] = 5
      equal(await file.append(new Uint8Array([5])), 4200, 'offset of the append')
      equal(await readAll(file), expected, 'what was cut off does not come back')
    },
  },
  {
    name: 'the synchronous calls do what the others do, or say that they cannot',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      const buffer = new Uint8Array(4)
      if (!storage.supportsSync) {
        await failsWith('STORAGE_UNSUPPORTED', () => file.readSync(buffer, 0), 'readSync')
        await failsWith('STORAGE_UNSUPPORTED', () => file.appendSync(buffer), 'appendSync')
        await failsWith('STORAGE_UNSUPPORTED', () => file.writeSync(buffer, 0), 'writeSync')
        await failsWith('STORAGE_UNSUPPORTED', () => file.truncateSync(0), 'truncateSync')
        await failsWith('STORAGE_UNSUPPORTED', () => storage.openSync('a'), 'openSync')
        return
      }
      equal(file.appendSync(new Uint8Array([1, 2, 3])), 10, 'offset')
      file.writeSync(new Uint8Array([9]), 0)
      equal(file.readSync(buffer, 9), 4, 'count')
      equal(buffer, new Uint8Array([pattern(10)[9]!, 1, 2, 3]), 'bytes')
      file.truncateSync(11)
      equal(await file.append(new Uint8Array([4])), 11, 'append after truncateSync')
      const other = storage.openSync('a')
      equal(other.mode, 'read', 'mode')
      equal(other.readSync(buffer, 9), 3, 'count through the other')
      equal(buffer.subarray(0, 3), new Uint8Array([pattern(10)[9]!, 1, 4]), 'bytes through the other')
      await failsWith('STORAGE_NOT_FOUND', () => storage.openSync('b'), 'openSync of nothing')
      await other.close()
    },
  },
  {
    name: 'a synchronous append beside a pending one is refused',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      if (!storage.supportsSync) return
      const pending = Promise.allSettled([file.append(pattern(100))])
      await failsWith('STORAGE_BUSY', () => file.appendSync(pattern(1)), 'appendSync')
      await failsWith('STORAGE_BUSY', () => file.truncateSync(0), 'truncateSync')
      equal((await pending)[0].status, 'fulfilled', 'the pending append')
      equal(file.appendSync(pattern(1)), 110, 'afterwards')
    },
  },
  {
    name: 'a file opened to read sees what is written and refuses to write',
    async run({ storage }) {
      const writer = await createFile(storage, 'a', pattern(10))
      const reader = await storage.open('a', { mode: 'read' })
      await writer.append(pattern(10, 50))
      equal(await reader.size(), 20, 'size')
      equal((await readAll(reader)).subarray(10), pattern(10, 50), 'bytes')
      await failsWith('STORAGE_READ_ONLY', () => reader.append(pattern(1)), 'append')
      await failsWith('STORAGE_READ_ONLY', () => reader.write(pattern(1), 0), 'write')
      await failsWith('STORAGE_READ_ONLY', () => reader.truncate(0), 'truncate')
      await failsWith('STORAGE_READ_ONLY', () => reader.datasync(), 'datasync')
    },
  },
  {
    name: 'a file opened to write keeps its contents and is appended to',
    async run({ storage }) {
      await (await createFile(storage, 'a', pattern(10))).close()
      const file = await storage.open('a', { mode: 'write' })
      equal(await file.append(pattern(2)), 10, 'offset')
      await file.datasync()
      await file.close()
      equal((await contentsOf(storage, 'a')).length, 12, 'length')
    },
  },
  {
    name: 'bytes that were passed in are not kept',
    async run({ storage }) {
      const file = await storage.open('a', { mode: 'create' })
      const data = pattern(10)
      await file.append(data)
      data.fill(0)
      equal(await readAll(file), pattern(10), 'contents')
    },
  },
  {
    name: 'close waits for what is pending, twice is once, and later calls are refused',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      const calls = [file.append(pattern(100_000)), file.write(pattern(50_000), 200_000), file.datasync()]
      // At once: under an injected fault they reject before the close below has ended.
      const pending = Promise.allSettled(calls)
      await Promise.all([file.close(), file.close()])
      for (const each of await pending) equal(each.status, 'fulfilled', 'a pending call')
      equal((await contentsOf(storage, 'a')).length, 250_000, 'length')
      await failsWith('STORAGE_CLOSED', () => file.append(pattern(1)), 'append')
      await failsWith('STORAGE_CLOSED', () => file.read(pattern(1), 0), 'read')
      await failsWith('STORAGE_CLOSED', () => file.datasync(), 'datasync')
      await failsWith('STORAGE_CLOSED', () => file.size(), 'size')
      if (storage.supportsSync) await failsWith('STORAGE_CLOSED', () => file.readSync(pattern(1), 0), 'readSync')
    },
  },
  {
    name: 'wrong positions, sizes and bytes are refused with a code, before anything is done',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      const wrong = (value: unknown): never => value as never
      for (const position of [-1, 0.5, Number.NaN, 2 ** 53, Infinity, '1', undefined, null, 1n]) {
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.read(pattern(1), wrong(position)), 'read')
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.write(pattern(1), wrong(position)), 'write')
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.truncate(wrong(position)), 'truncate')
      }
      for (const bytes of ['text', [1, 2], undefined, new ArrayBuffer(2), new Uint16Array(2)]) {
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.append(wrong(bytes)), 'append')
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.write(wrong(bytes), 0), 'write')
        await failsWith('STORAGE_INVALID_ARGUMENT', () => file.read(wrong(bytes), 0), 'read')
        await failsWith('STORAGE_INVALID_ARGUMENT', () => storage.publish('b', wrong(bytes)), 'publish')
      }
      equal(await readAll(file), pattern(10), 'contents')
      equal(await storage.list(), ['a'], 'names')
    },
  },
  {
    name: 'a write too far out is refused with a code and changes nothing',
    async run({ storage }) {
      const file = await createFile(storage, 'a', pattern(10))
      const far = Number.MAX_SAFE_INTEGER - 10
      const codes = ['STORAGE_NO_SPACE', 'STORAGE_IO']
      for (const run of [() => file.write(pattern(1), far), () => file.truncate(far)]) {
        const error: unknown = await run().catch((reason: unknown) => reason)
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'none'
        equal(codes.includes(code), true, `code ${code}`)
      }
      equal(await file.size(), 10, 'size')
      equal(await file.append(pattern(1)), 10, 'offset of the next append')
    },
  },
]
