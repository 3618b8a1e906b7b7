/** Puts the focus on an element when it appears; in a dialog that opens only then, as its first choice. */
export function focused(element: HTMLElement): void {
  element.setAttribute("autofocus", "");
  element.focus();
}
