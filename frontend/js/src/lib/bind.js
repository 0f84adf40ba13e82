import { Component, createElement } from "react";
import { createRoot } from "react-dom/client";

const roots = new WeakMap();

/** A fault in one part must not leave a hole without a word in the page. */
class Boundary extends Component {
  state = { failed: false };
  static getDerivedStateFromError() { return { failed: true }; }
  componentDidCatch(error) { console.error(error); }
  render() {
    if (!this.state.failed) return this.props.children;
    return createElement("p", { className: "note", role: "alert" },
      "This part of the page failed. Nothing is lost: reload the page to go on.");
  }
}

// ReactPy unmounts and binds again on a node that stays in the page, and may render after that.
// A root is therefore kept with its node and only dropped once the node has really left.
export function bind(node) {
  node.classList.add("js");
  return {
    create: (type, props, children) => createElement(type, props, ...(children || [])),
    render: (element) => {
      let root = roots.get(node);
      if (!root) roots.set(node, (root = createRoot(node)));
      root.render(createElement(Boundary, null, element));
    },
    unmount: () => setTimeout(() => {
      if (node.isConnected) return;
      roots.get(node)?.unmount();
      roots.delete(node);
    }, 0),
  };
}
