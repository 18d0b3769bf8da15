export { type DecodedRecord, decodeFrom, iterBlock, recordOffsets } from './block.ts'
export { compareBytes, compareRanges, KEY_PREFIX_SIZE, keyPrefix } from './compare.ts'
export { type EncodingArgumentError, EncodingError, type EncodingErrorCode } from './errors.ts'
export {
  decodeIndexEntries,
  encodedIndexEntrySize,
  encodeIndexEntry,
  encodeIndexEntryInto,
  INDEX_ENTRY_HEADER_SIZE,
  type IndexEntry,
  IndexEntryCursor,
} from './index-entry.ts'
export { isRecordKind, RECORD_KIND, RESERVED_RECORD_KIND, type RecordKind } from './kind.ts'
export {
  beginRecord,
  encodedRecordSize,
  encodeRecord,
  encodeRecordInto,
  RECORD_HEADER_SIZE,
  RECORD_OVERHEAD,
  sealRecord,
} from './record.ts'
export { RecordCursor, type RecordCursorOptions } from './record-cursor.ts'
