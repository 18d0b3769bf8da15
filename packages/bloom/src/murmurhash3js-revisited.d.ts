/** The part of murmurhash3js-revisited 3.0.0 that is used here; the package has no types of its own. */
declare module 'murmurhash3js-revisited' {
  interface MurmurHash3 {
    /** Whether every byte is checked before it is hashed: shared by all users of the library in a process. */
    inputValidation: boolean
    readonly x86: {
      /** Unsigned 32-bit hash; `undefined` for what is no list of bytes, where the input is validated. */
      hash32(bytes: ArrayLike<number>, seed?: number): number
    }
  }
  const murmurHash3: MurmurHash3
  export default murmurHash3
}
