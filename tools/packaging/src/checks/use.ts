/** The package in a user's hands: every entry imported, the README's example run as written and type-checked. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extractExample } from '@lsm/tidy'
import { transform } from 'esbuild'
import { failure, run } from '../process.ts'
import { type Check, entriesOf, isCommand } from '../subject.ts'

export const entries: Check = {
  name: 'entries',
  run: async ({ packageName, manifest, folder }) => {
    const specifiers = entriesOf(packageName, manifest).map(({ specifier }) => specifier)
    const script = specifiers.map((each) => `await import(${JSON.stringify(each)})`).join('\n')
    writeFileSync(join(folder, 'entries.mjs'), script)
    const ended = await run([process.execPath, 'entries.mjs'], { cwd: folder })
    if (ended.code !== 0) return { problems: [failure(`importing ${specifiers.join(', ')}`, ended)] }
    return { problems: ended.output === '' ? [] : [`importing it prints: ${ended.output.trim()}`] }
  },
}

export const example: Check = {
  name: 'example',
  isFor: (manifest) => !isCommand(manifest),
  run: async ({ folder, readme }) => {
    const block = extractExample(readme)
    if (block === undefined) return { problems: ['the README has no example: no block of ```ts'] }
    // Node.js 20 runs no TypeScript: the types are taken out, and nothing else is changed.
    const { code } = await transform(block.code, { loader: 'ts', format: 'esm', target: 'esnext' })
    writeFileSync(join(folder, 'example.mjs'), code)
    const ended = await run([process.execPath, 'example.mjs'], { cwd: folder })
    if (ended.code !== 0) return { problems: [failure(`the README's example (line ${block.line})`, ended)] }
    return { problems: ended.stdout.trim() === '' ? ["the README's example printed nothing"] : [] }
  },
}

export const commands: Check = {
  name: 'commands',
  isFor: isCommand,
  run: async ({ name: packageName, manifest: { bin }, folder }) => {
    const problems: string[] = []
    // One that is a path alone has the package's name.
    for (const name of typeof bin === 'string' ? [packageName] : Object.keys(bin as object)) {
      const installed = join(folder, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
      const ended = await run([installed, '--help'], { cwd: folder })
      if (ended.code !== 0) problems.push(failure(`${name} --help`, ended))
      else if (ended.stdout.trim() === '') problems.push(`${name} --help printed nothing`)
    }
    return { problems }
  },
}

export const types: Check = {
  name: 'types',
  run: async ({ top, packageName, manifest, folder, readme }) => {
    const imports = entriesOf(packageName, manifest).map(({ specifier }) => `import(${JSON.stringify(specifier)})`)
    writeFileSync(join(folder, 'entries.ts'), `export const all: Promise<object>[] = [${imports.join(', ')}]\n`)
    writeFileSync(join(folder, 'example.ts'), `${extractExample(readme)?.code ?? ''}\nexport {}\n`)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(userConfig(top), null, 2))
    const compiler = join(top, 'node_modules', '@typescript', 'native', 'bin', 'tsc')
    const ended = await run([process.execPath, compiler, '-p', folder, '--pretty', 'false'], { cwd: folder })
    return { problems: ended.code === 0 ? [] : [failure('tsc', ended)] }
  },
}

/** A careful user's settings; `skipLibCheck` is off, so that our declarations themselves are checked. */
function userConfig(top: string): object {
  return {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      target: 'es2022',
      module: 'nodenext',
      noEmit: true,
      skipLibCheck: false,
      // Types of Node.js only, lent by the workspace: an example may print and read files.
      types: ['node'],
      typeRoots: [join(top, 'node_modules', '@types')],
    },
    files: ['example.ts', 'entries.ts'],
  }
}
