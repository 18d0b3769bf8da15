/** Control characters as text: a terminal obeys them, and what a store or an input holds must not command it. */

// Tab and line feed only move on.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that a terminal would obey.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Returns `text` with the bytes of its control characters as `\xNN`, but for tabs and line feeds. */
export function escapeControls(text: string): string {
  return text.replace(CONTROL, (char) => Array.from(Buffer.from(char), escapeByte).join(''))
}

/** Returns JSON text that means the same, without the control characters that JSON allows in strings. */
export function escapeControlsInJson(json: string): string {
  return json.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Returns `\xNN`. */
export function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`
}
