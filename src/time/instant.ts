/** An instant as text: `YYYY-MM-DDTHH:MM:SSZ`, EC2's format. */
export function instant(at: number): string {
  return new Date(at).toISOString().slice(0, 19) + "Z";
}
