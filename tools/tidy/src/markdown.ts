/** As much of Markdown as the rules need: headings, fenced code and links, each with its line. */

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** Line of the opening fence, counted from 1. */
  readonly line: number
}

export interface Located {
  readonly text: string
  readonly line: number
}

const FENCE = /^\s*(`{3,}|~{3,})\s*([\w-]*)/

function scan(markdown: string): { prose: Located[]; blocks: CodeBlock[] } {
  const prose: Located[] = []
  const blocks: CodeBlock[] = []
  let open: { fence: string; language: string; line: number; code: string[] } | undefined
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const fence = FENCE.exec(text)
    if (open === undefined) {
      if (fence) open = { fence: fence[1] ?? '```', language: fence[2] ?? '', line: index + 1, code: [] }
      else prose.push({ text, line: index + 1 })
    } else if (text.trim().startsWith(open.fence)) {
      blocks.push({ language: open.language, code: open.code.join('\n'), line: open.line })
      open = undefined
    } else open.code.push(text)
  }
  return { prose, blocks }
}

/** All fenced code blocks, in order. */
export function codeBlocks(markdown: string): readonly CodeBlock[] {
  return scan(markdown).blocks
}

/** The README's example: its first fenced block in TypeScript, or `undefined`. */
export function extractExample(markdown: string): CodeBlock | undefined {
  return codeBlocks(markdown).find((block) => block.language === 'ts')
}

/** Headings with their `#` marks taken off. */
export function headings(markdown: string): readonly Located[] {
  return scan(markdown).prose.flatMap(({ text, line }) => {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(text)
    return heading?.[1] === undefined ? [] : [{ text: heading[1], line }]
  })
}

/** Targets of all links and images outside code. */
export function links(markdown: string): readonly Located[] {
  return scan(markdown).prose.flatMap(({ text, line }) => {
    const plain = text.replace(/`[^`]*`/g, '')
    const inline = [...plain.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1] ?? '')
    const definition = /^\s*\[[^\]]+\]:\s+<?(\S+?)>?(\s|$)/.exec(plain)?.[1]
    return [...inline, ...(definition === undefined ? [] : [definition])].map((target) => ({ text: target, line }))
  })
}

/** The anchors that a page's headings make, as GitHub makes them. */
export function anchors(markdown: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const result = new Set<string>()
  for (const { text } of headings(markdown)) {
    const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    result.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const [, id] of markdown.matchAll(/(?:id|name)="([^"]+)"/g)) if (id !== undefined) result.add(id)
  return result
}
