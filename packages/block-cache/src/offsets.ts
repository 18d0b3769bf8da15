/** The offset under which a file's filter is cached, in the filter tier. */
export const FILTER_OFFSET = -1

/** The offset under which a file's index is cached, in the index tier. */
export const INDEX_OFFSET = -2
