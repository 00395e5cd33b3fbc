/** The one place where what comes from elsewhere becomes HTML. */
export function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
