// Dash Mantine wraps what opens a menu in a <div> and tells the <div> that it has a popup. A reader of the page needs to
// hear that of the button inside, so the attributes are moved there whenever they appear.
(function () {
    "use strict";
    const names = ["aria-haspopup", "aria-expanded", "aria-controls"];

    function move(wrapper) {
        const button = wrapper.matches("div[aria-haspopup], div[aria-expanded]") && wrapper.querySelector(":scope > button");
        if (!button) return;
        for (const name of names) {
            if (!wrapper.hasAttribute(name)) continue;
            button.setAttribute(name, wrapper.getAttribute(name));
            wrapper.removeAttribute(name);
        }
    }
    new MutationObserver((changes) => {
        for (const {target, addedNodes} of changes) {
            if (target.matches?.("div")) move(target);
            for (const node of addedNodes) node.querySelectorAll?.("div[aria-haspopup]").forEach(move);
        }
    }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: names});
})();
