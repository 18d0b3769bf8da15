import type { Workspace } from './workspace.ts'

/** One place where a rule is broken. */
export interface Finding {
  /** Path from the workspace's top, with `/`. */
  readonly file: string
  /** Counted from 1; 0 where the finding is about the file as a whole. */
  readonly line: number
  readonly message: string
}

/** A rule answers with every place that breaks it; an empty list means that all is well. */
export interface Rule {
  readonly name: string
  /** What it holds the project to, in one line. */
  readonly says: string
  check(workspace: Workspace): readonly Finding[] | Promise<readonly Finding[]>
}

export function finding(file: string, message: string, line = 0): Finding {
  return { file, line, message }
}

/** The line, counted from 1, of the first occurrence of `needle`; 0 when there is none. */
export function lineOf(text: string, needle: string): number {
  const at = text.indexOf(needle)
  return at < 0 ? 0 : text.slice(0, at).split('\n').length
}

export function format(rule: string, { file, line, message }: Finding): string {
  return `${file}${line > 0 ? `:${line}` : ''}  ${message}  [${rule}]`
}
