export { bind } from "./lib/bind.js";
import "./lib/elements.js";
export { NavBridge } from "./shell/NavBridge.jsx";
export { Toasts } from "./shell/Toasts.jsx";
export { TextField, TextArea, Select, Checkbox } from "./shell/fields.jsx";
export { ThemeSwitch } from "./shell/ThemeSwitch.jsx";
export { Keys } from "./shell/Keys.jsx";
export { Dialog } from "./shell/Dialog.jsx";
export { FormDialog } from "./shell/FormDialog.jsx";
