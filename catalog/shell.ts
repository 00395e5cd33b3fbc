/** Quotes a word of a command that is printed for a POSIX shell. <…> is quoted too, or the shell would read it as a redirection. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
