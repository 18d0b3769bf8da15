/** Random calls have the same answers from every storage, and these are the answers of a model of a few lines. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { MemoryStorage, type OpenMode, type Storage, type StorageFile } from '../src/index.ts'
import { NodeStorage, nodeFileSystem } from '../src/node/index.ts'
import { CrashStorage, FaultPlan, FaultStorage, faultyFileSystem } from '../src/testing/index.ts'

type Call =
  | { call: 'open'; name: string; mode: OpenMode }
  | { call: 'append' | 'appendSync'; handle: number; length: number }
  | { call: 'write' | 'writeSync' | 'read' | 'readSync'; handle: number; position: number; length: number }
  | { call: 'truncate' | 'truncateSync'; handle: number; size: number }
  | { call: 'datasync' | 'sizeOfHandle' | 'closeHandle'; handle: number }
  | { call: 'remove' | 'size' | 'openSync'; name: string }
  | { call: 'publish'; name: string; length: number }
  | { call: 'list' | 'syncDirectory' | 'reopen' }

const name = fc.constantFrom('a', 'b', 'c.log')
const handle = fc.nat(5)
const length = fc.oneof(fc.nat(20), fc.nat(9000))
const position = fc.oneof(fc.nat(30), fc.nat(12_000))
const arbCall: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constant('open' as const),
      name,
      mode: fc.constantFrom<OpenMode>('create', 'create', 'write', 'read'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ call: fc.constantFrom('append' as const, 'appendSync' as const), handle, length }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      call: fc.constantFrom('write' as const, 'writeSync' as const, 'read' as const, 'readSync' as const),
      handle,
      position,
      length,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      call: fc.constantFrom('truncate' as const, 'truncateSync' as const),
      handle,
      size: position,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constantFrom('datasync' as const, 'sizeOfHandle' as const, 'closeHandle' as const),
      handle,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ call: fc.constantFrom('remove' as const, 'size' as const, 'openSync' as const), name }),
  },
  { weight: 2, arbitrary: fc.record({ call: fc.constant('publish' as const), name, length }) },
  {
    weight: 2,
    arbitrary: fc.record({ call: fc.constantFrom('list' as const, 'syncDirectory' as const, 'reopen' as const) }),
  },
)

function bytesOf(length: number, call: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (call * 31 + i * 7 + (i >> 8)) & 0xff)
}

/** What a call answers, as text: its value or its error's code. */
async function answer(run: () => unknown): Promise<string> {
  try {
    const value = await run()
    if (value instanceof Uint8Array) return `${value.length} bytes: ${value.join(' ')}`
    return JSON.stringify(value) ?? 'nothing'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

async function answersOf(storage: Storage, reopen: () => Promise<Storage>, calls: readonly Call[]): Promise<string[]> {
  let current = storage
  const handles: StorageFile[] = []
  const answers: string[] = []
  for (const [index, call] of calls.entries()) answers.push(await answer(() => run(call, index)))
  await current.close()
  return answers

  async function run(call: Call, index: number): Promise<unknown> {
    const file = 'handle' in call ? handles[call.handle % Math.max(1, handles.length)] : undefined
    if ('handle' in call && file === undefined) return 'no handle'
    switch (call.call) {
      case 'open':
        handles.push(await current.open(call.name, { mode: call.mode }))
        return undefined
      case 'openSync':
        handles.push(current.openSync(call.name))
        return undefined
      case 'append':
        return file!.append(bytesOf(call.length, index))
      case 'appendSync':
        return file!.appendSync(bytesOf(call.length, index))
      case 'write':
        return file!.write(bytesOf(call.length, index), call.position)
      case 'writeSync':
        return file!.writeSync(bytesOf(call.length, index), call.position)
      case 'read':
      case 'readSync': {
        const buffer = new Uint8Array(call.length)
        const count = await file![call.call](buffer, call.position)
        return buffer.subarray(0, count)
      }
      case 'truncate':
      case 'truncateSync':
        return file![call.call](call.size)
      case 'datasync':
        return file!.datasync()
      case 'sizeOfHandle':
        return file!.size()
      case 'closeHandle':
        return file!.close()
      case 'remove':
        return current.remove(call.name)
      case 'size':
        return current.size(call.name)
      case 'publish':
        return current.publish(call.name, bytesOf(call.length, index))
      case 'list':
        return current.list()
      case 'syncDirectory':
        return current.syncDirectory()
      case 'reopen':
        await current.close()
        current = await reopen()
        return undefined
    }
  }
}

interface ModelFile {
  bytes: Uint8Array
}
interface ModelHandle {
  file: ModelFile
  mode: OpenMode
  closed: boolean
  /** Each handle appends where it believes the end to be. */
  end: number
}

async function answersOfModel(calls: readonly Call[]): Promise<string[]> {
  const files = new Map<string, ModelFile>()
  const handles: ModelHandle[] = []
  const answers: string[] = []
  for (const [index, call] of calls.entries()) answers.push(await answer(() => run(call, index)))
  return answers

  function fail(code: string): never {
    throw Object.assign(new Error(code), { code: `STORAGE_${code}` })
  }
  function find(called: string): ModelFile {
    return files.get(called) ?? fail('NOT_FOUND')
  }
  function resize(file: ModelFile, size: number): void {
    const bytes = new Uint8Array(size)
    bytes.set(file.bytes.subarray(0, size))
    file.bytes = bytes
  }
  function put(each: ModelHandle, at: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (at + bytes.length > each.file.bytes.length) resize(each.file, at + bytes.length)
    each.file.bytes.set(bytes, at)
    each.end = Math.max(each.end, at + bytes.length)
  }

  function run(call: Call, index: number): unknown {
    const each = 'handle' in call ? handles[call.handle % Math.max(1, handles.length)] : undefined
    if ('handle' in call && each === undefined) return 'no handle'
    const open = (): ModelHandle => (each!.closed ? fail('CLOSED') : each!)
    const writable = (): ModelHandle => (open().mode === 'read' ? fail('READ_ONLY') : each!)
    switch (call.call) {
      case 'open':
      case 'openSync': {
        const mode = call.call === 'open' ? call.mode : 'read'
        if (mode === 'create') {
          if (files.has(call.name)) fail('EXISTS')
          files.set(call.name, { bytes: new Uint8Array(0) })
        }
        const file = find(call.name)
        handles.push({ file, mode, closed: false, end: file.bytes.length })
        return undefined
      }
      case 'append':
      case 'appendSync': {
        const at = writable().end
        put(each!, at, bytesOf(call.length, index))
        return at
      }
      case 'write':
      case 'writeSync':
        return put(writable(), call.position, bytesOf(call.length, index))
      case 'read':
      case 'readSync':
        return open().file.bytes.slice(call.position, call.position + call.length)
      case 'truncate':
      case 'truncateSync':
        resize(writable().file, call.size)
        each!.end = call.size
        return undefined
      case 'datasync':
        writable()
        return undefined
      case 'sizeOfHandle':
        return open().file.bytes.length
      case 'closeHandle':
        each!.closed = true
        return undefined
      case 'remove':
        find(call.name)
        files.delete(call.name)
        return undefined
      case 'size':
        return find(call.name).bytes.length
      case 'publish':
        if (files.has(call.name)) fail('EXISTS')
        files.set(call.name, { bytes: bytesOf(call.length, index) })
        return undefined
      case 'list':
        return [...files.keys()].sort()
      case 'syncDirectory':
        return undefined
      case 'reopen':
        for (const one of handles) one.closed = true
        return undefined
    }
  }
}

fuzz(
  import.meta.url,
  'memory, simulated disks and real files answer as the model does',
  fc.asyncProperty(fc.array(arbCall, { maxLength: 60 }), async (calls) => {
    const expected = await answersOfModel(calls)
    const memory = new MemoryStorage()
    expect(await answersOf(memory, async () => memory.reopen(), calls)).toEqual(expected)
    const crash = new CrashStorage()
    expect(await answersOf(crash, async () => crash.disk.storage(), calls)).toEqual(expected)
    const short = new FaultPlan().add({ fault: 'short', forever: true })
    const fault = new FaultStorage(short)
    expect(await answersOf(fault, async () => new FaultStorage(short, fault.disk), calls)).toEqual(expected)
    const path = mkdtempSync(join(tmpdir(), 'lsm-storage-'))
    try {
      const open = (): Promise<Storage> => NodeStorage.open(path)
      expect(await answersOf(await open(), open, calls)).toEqual(expected)
    } finally {
      rmSync(path, { recursive: true })
    }
  }),
  { runs: 150, capMs: 5000 },
)

fuzz(
  import.meta.url,
  'real files answer as the model does when every read and write is short',
  fc.asyncProperty(fc.array(arbCall, { maxLength: 40 }), async (calls) => {
    const plan = new FaultPlan().add({ fault: 'short', forever: true })
    const path = mkdtempSync(join(tmpdir(), 'lsm-storage-'))
    try {
      const components = { fileSystem: faultyFileSystem(plan, nodeFileSystem) }
      const open = (): Promise<Storage> => NodeStorage.open(path, {}, components)
      expect(await answersOf(await open(), open, calls)).toEqual(await answersOfModel(calls))
    } finally {
      rmSync(path, { recursive: true })
    }
  }),
  { runs: 50, capMs: 3000 },
)
