// Dark and light: the page's scheme, or that of JupyterLab or VS Code where they say it.

/** Is the page dark? @param {boolean} lab  a notebook's own theme counts before the system's */
function dark(lab) {
  const { classList, dataset } = document.body;
  if (lab && dataset.jpThemeLight) return dataset.jpThemeLight === "false";
  if (lab && /\bvscode-/.test(document.body.className)) return !classList.contains("vscode-light");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keep the class `dark` of an element right; gives what ends that.
 * @param {HTMLElement} el @param {boolean} lab */
export function followTheme(el, lab) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const again = () => el.classList.toggle("dark", dark(lab));
  const observer = new MutationObserver(again);
  media.addEventListener("change", again);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  again();
  return () => {
    media.removeEventListener("change", again);
    observer.disconnect();
  };
}
