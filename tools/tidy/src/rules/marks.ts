/** Marks of unfinished or silenced code. What is left to do stands in the issue tracker, and every test runs. */
import { finding, type Rule } from '../finding.ts'

export const marks: Rule = {
  name: 'marks',
  says: 'no silenced type error, no test left out or run alone, no note of unfinished work',
  check: (workspace) =>
    workspace.files
      .filter((file) => /^(packages|tools)\/.*\.m?[jt]s$/.test(file))
      .flatMap((file) =>
        workspace
          .read(file)
          .split('\n')
          .flatMap((line, index) => {
            const mark = MARKS.find((pattern) => pattern.test(line))?.exec(line)?.[0]
            return mark === undefined ? [] : [finding(file, `"${mark.trim()}"`, index + 1)]
          }),
      ),
}

const MARKS: readonly RegExp[] = [
  /@ts-(ignore|nocheck|expect-error(?=\s*(\*\/)?\s*$))/,
  /\bas any\b/,
  /\b(it|test|describe|suite)\.(only|skip|todo)\b/,
  /\b(TODO|FIXME|XXX)\b(?=[:( ]|$)/,
]
