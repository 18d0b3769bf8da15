import { HIGHEST_UPPER_WORD } from './bytes.ts'
import { EncodingError, isUint32, outOfRange, rangeError, shown } from './errors.ts'

/** What a record means: the top byte of its sequence word. */
export const RECORD_KIND = {
  /** The key has this value. A record of this kind has the bytes that it would have without kinds. */
  value: 0,
  /** The key is deleted. */
  tombstone: 1,
  /** Every key from `key` to before `value` is deleted. */
  rangeTombstone: 2,
} as const

export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND]

/** Kinds that have a number and no meaning yet: refused like any unknown one, when encoding and when decoding. */
export const RESERVED_RECORD_KIND = {
  /** An operand for a merge function, to be applied to an older value. */
  mergeOperand: 3,
  /** A value that holds until a time. */
  expiringValue: 4,
} as const

const HIGHEST_KIND: number = RECORD_KIND.rangeTombstone

/** Whether `kind` is one of `RECORD_KIND`. */
export function isRecordKind(kind: number): kind is RecordKind {
  return isUint32(kind) && kind <= HIGHEST_KIND
}

export function checkKind(kind: number): void {
  if (!isRecordKind(kind))
    throw rangeError(`kind must be one of RECORD_KIND (0 to ${HIGHEST_KIND}), not ${shown(kind)}`)
}

/** Throws unless the upper words of a record's sequence and timestamp hold a known kind and nothing over 2^53 - 1. */
export function checkWords(at: number, seqUpper: number, timestampUpper: number): void {
  const kind = seqUpper >>> 24
  if (kind > HIGHEST_KIND) {
    const message = `the record at offset ${at} is of kind ${kind}, which this version does not know`
    throw new EncodingError('ENCODING_UNKNOWN_KIND', message, at)
  }
  if ((seqUpper & 0xffffff) > HIGHEST_UPPER_WORD || timestampUpper > HIGHEST_UPPER_WORD) throw outOfRange('record', at)
}
