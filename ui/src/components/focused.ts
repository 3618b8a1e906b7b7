/** Puts the focus on an element when it appears. */
export function focused(element: HTMLElement): void {
  element.focus();
}
