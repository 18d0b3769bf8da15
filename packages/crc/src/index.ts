export { combine } from './combine.ts'
export { compute, extend, verify } from './crc.ts'
export { CrcError, type CrcErrorCode, type InvalidArgumentCode } from './errors.ts'
export { PACKED_BYTES, pack, packInto, unpack } from './packed.ts'
