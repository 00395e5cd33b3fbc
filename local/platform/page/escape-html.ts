/** Escapes text for HTML content and attributes. The page inserts every value through this function. */
export function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
