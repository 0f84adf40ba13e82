// A menu is a <details class="menu-box">: it closes after a choice, a click elsewhere, or Esc.
const open = () => document.querySelectorAll("details.menu-box[open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) {
    const summary = event.target.closest?.("summary");
    if (!summary || summary.parentElement !== menu) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
