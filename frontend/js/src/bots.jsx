export { bind } from "./lib/bind.js";
export { Difference } from "./bots/Difference.jsx";
export { BundleUpload } from "./bots/BundleUpload.jsx";
