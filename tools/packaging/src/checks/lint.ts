/** Two judges of packages whose word users take: publint on the manifest, "are the types wrong" on the types. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint as lint } from 'publint'
import { formatMessage } from 'publint/utils'
import { failure, run } from '../process.ts'
import type { Check } from '../subject.ts'

export const publint: Check = {
  name: 'publint',
  run: async ({ tarball, manifest }) => {
    const bytes = new Uint8Array(readFileSync(tarball))
    const { messages } = await lint({ pack: { tarball: bytes.buffer }, strict: true })
    // A suggestion is not an error to publint, but there is no reason to leave one open.
    return {
      problems: messages.map((message) => formatMessage(message, { ...manifest }, { color: false }) ?? message.code),
    }
  },
}

export const attw: Check = {
  name: 'attw',
  run: async ({ top, tarball }) => {
    const script = join(top, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js')
    const flags = ['--profile', 'esm-only', '--format', 'ascii', '--no-color', '--no-emoji']
    const ended = await run([process.execPath, script, tarball, ...flags], { cwd: top })
    return { problems: ended.code === 0 ? [] : [failure('attw', ended)] }
  },
}
