/**
 * Which operations fail, and how. A plan counts every operation, so a test learns how many there are from a run
 * without faults and then fails each of them in turn.
 */

export type FaultOperationKind =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'truncate'
  | 'datasync'
  | 'stat'
  | 'close'
  | 'list'
  | 'link'
  | 'unlink'
  | 'syncDirectory'
  | 'lock'

export interface FaultOperation {
  /** Counts from 1. */
  readonly index: number
  readonly kind: FaultOperationKind
  /** The file's name; empty for operations on the directory. */
  readonly name: string
}

/**
 * How an operation fails.
 * - A system error's name: the operation has no effect and throws that error.
 * - `'short'`: a read or write moves about half of its bytes, with no error. No effect on others.
 */
export type Fault = 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES' | 'short'

export interface FaultRule {
  readonly fault: Fault
  /** Fails the operation with this index, or from it on where `forever`. */
  readonly at?: number
  /** Fails those operations for which this is true. With `at`, both must hold. */
  readonly when?: (operation: FaultOperation) => boolean
  /** Default false: the rule is used up by its first failure. */
  readonly forever?: boolean
  /** The error comes although the operation took effect, as an answer that is lost on its way. Default false. */
  readonly afterEffect?: boolean
}

export interface FaultPlanOptions {
  /**
   * What reads see after a failed datasync of what was not synced: true as on ext4, where it stays readable until the
   * power goes; false where the pages go at once. Never durable in either case. Default true.
   */
  readonly keepVisible?: boolean
  /** Called before each operation. */
  readonly onOperation?: (operation: FaultOperation) => void
}

export class FaultPlan {
  readonly keepVisible: boolean
  readonly #onOperation: ((operation: FaultOperation) => void) | undefined
  #rules: FaultRule[] = []
  #operations = 0
  #failures = 0
  #openDescriptors = 0

  constructor(options: FaultPlanOptions = {}) {
    this.keepVisible = options.keepVisible ?? true
    this.#onOperation = options.onOperation
  }

  /** How many operations there were. */
  get operations(): number {
    return this.#operations
  }

  /** How many of them failed or were cut short. */
  get failures(): number {
    return this.#failures
  }

  /** Opened and not closed, by what the plan saw. */
  get openDescriptors(): number {
    return this.#openDescriptors
  }

  add(rule: FaultRule): this {
    this.#rules.push(rule)
    return this
  }

  /** Takes all rules away. */
  heal(): void {
    this.#rules = []
  }

  /**
   * Runs `effect` as an operation of this kind, or fails in its place; `short` stands for it where the rule says so.
   */
  run<Result>(kind: FaultOperationKind, name: string, effect: () => Result, short: () => Result = effect): Result {
    const rule = this.#next(kind, name)
    if (rule === undefined) return this.#counted(kind, effect)
    if (rule.fault === 'short') return this.#counted(kind, short)
    // A descriptor is gone after close, whatever close answers.
    if (rule.afterEffect === true || kind === 'close') this.#counted(kind, effect)
    throw systemError(rule.fault, kind, name)
  }

  /** As `run`, for operations that are awaited. */
  async runAsync<Result>(
    kind: FaultOperationKind,
    name: string,
    effect: () => Promise<Result>,
    short: () => Promise<Result> = effect,
  ): Promise<Result> {
    const rule = this.#next(kind, name)
    if (rule === undefined) return this.#countedAsync(kind, effect)
    if (rule.fault === 'short') return this.#countedAsync(kind, short)
    if (rule.afterEffect === true || kind === 'close') await this.#countedAsync(kind, effect)
    throw systemError(rule.fault, kind, name)
  }

  #next(kind: FaultOperationKind, name: string): FaultRule | undefined {
    const operation = { index: ++this.#operations, kind, name }
    this.#onOperation?.(operation)
    const rule = this.#rules.find((each) => applies(each, operation))
    if (rule === undefined) return undefined
    if (rule.forever !== true) this.#rules = this.#rules.filter((each) => each !== rule)
    this.#failures++
    return rule
  }

  #counted<Result>(kind: FaultOperationKind, effect: () => Result): Result {
    const result = effect()
    this.#count(kind)
    return result
  }

  async #countedAsync<Result>(kind: FaultOperationKind, effect: () => Promise<Result>): Promise<Result> {
    const result = await effect()
    this.#count(kind)
    return result
  }

  #count(kind: FaultOperationKind): void {
    if (kind === 'open' || kind === 'create') this.#openDescriptors++
    if (kind === 'close') this.#openDescriptors--
  }
}

function applies(rule: FaultRule, operation: FaultOperation): boolean {
  if (rule.at !== undefined && (rule.forever === true ? operation.index < rule.at : operation.index !== rule.at)) {
    return false
  }
  return rule.when?.(operation) ?? true
}

function systemError(code: Exclude<Fault, 'short'>, kind: string, name: string): Error {
  return Object.assign(new Error(`${code}: injected, ${kind} "${name}"`), { code })
}

/** About half of `length`, and never nothing: a call that moves no byte says something else. */
export function shortLength(length: number): number {
  return Math.ceil(length / 2)
}
