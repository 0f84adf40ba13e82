import { createElement } from "react";
import { createRoot } from "react-dom/client";

const roots = new WeakMap();

// ReactPy unmounts and binds again on a node that stays in the page, and may render after that.
// A root is therefore kept with its node and only dropped once the node has really left.
export function bind(node) {
  node.classList.add("js");
  return {
    create: (type, props, children) => createElement(type, props, ...(children || [])),
    render: (element) => {
      let root = roots.get(node);
      if (!root) roots.set(node, (root = createRoot(node)));
      root.render(element);
    },
    unmount: () => setTimeout(() => {
      if (node.isConnected) return;
      roots.get(node)?.unmount();
      roots.delete(node);
    }, 0),
  };
}
