/** A link to a page, a file or a heading of the project leads there. Addresses outside are not looked at. */
import { posix } from 'node:path'
import { type Finding, finding, type Rule } from '../finding.ts'
import { anchors, links as linksIn } from '../markdown.ts'
import type { Workspace } from '../workspace.ts'

export const links: Rule = {
  name: 'links',
  says: 'relative links of the docs, the READMEs and the other pages resolve, down to the heading',
  check: (workspace) =>
    workspace.files
      .filter((file) => file.endsWith('.md') && !file.startsWith('.changeset/') && !file.includes('/test/'))
      .flatMap((file) => checkLinks(workspace, file)),
}

function checkLinks(workspace: Workspace, file: string): Finding[] {
  return linksIn(workspace.read(file)).flatMap(({ text, line }) => {
    if (/^[a-z][a-z\d+.-]*:|^\/\//i.test(text)) return []
    const [path = '', anchor] = text.split('#')
    const target = path === '' ? file : resolve(workspace, file, decodeURI(path))
    if (target === undefined) return [finding(file, `the link to "${text}" leads nowhere`, line)]
    if (anchor === undefined || anchor === '' || !target.endsWith('.md')) return []
    if (anchors(workspace.read(target)).has(decodeURIComponent(anchor).toLowerCase())) return []
    return [finding(file, `the link to "${text}": ${target} has no such heading`, line)]
  })
}

/** The file that a link means: itself, a page without its ending, or a folder's index. A leading `/` is the site's. */
function resolve(workspace: Workspace, from: string, path: string): string | undefined {
  const base = path.startsWith('/') ? posix.join('docs', path) : posix.join(posix.dirname(from), path)
  const plain = base.replace(/\/$/, '')
  const candidates = [plain, `${plain}.md`, plain.replace(/\.html$/, '.md'), `${plain}/index.md`, `${plain}/README.md`]
  if (path.startsWith('/')) candidates.push(posix.join('docs/public', path))
  const file = candidates.find((each) => workspace.has(each))
  if (file !== undefined) return file
  return workspace.files.some((each) => each.startsWith(`${plain}/`)) ? plain : undefined
}
