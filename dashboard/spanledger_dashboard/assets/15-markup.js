// Elements that only show something, put in place as HTML (markup.py). When they change, what differs is changed: what
// has the focus, is scrolled or unfolded stays so.
(function () {
    "use strict";
    const {createElement, useLayoutEffect, useRef} = window.React;

    function attributes(old, wanted) {
        for (const {name, value} of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
        for (const {name} of [...old.attributes]) {
            // Whether details are open is the user's.
            if (!wanted.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
        }
    }

    function become(old, wanted) {
        const before = [...old.childNodes];
        [...wanted.childNodes].forEach((next, at) => {
            const now = before[at];
            if (!now) old.append(next);
            else if (now.nodeName !== next.nodeName) now.replaceWith(next);
            else if (now.nodeType !== Node.ELEMENT_NODE) {
                if (now.data !== next.data) now.data = next.data;
            } else if (!now.isEqualNode(next)) {
                attributes(now, next);
                become(now, next);
            }
        });
        before.slice(wanted.childNodes.length).forEach((node) => node.remove());
    }

    function Inside({tag, attributes: own, html}) {
        const node = useRef(null);
        const first = useRef({__html: html});
        const shown = useRef(html);
        useLayoutEffect(() => {
            if (shown.current === html) return;
            const wanted = node.current.cloneNode(false);
            wanted.innerHTML = html;
            become(node.current, wanted);
            shown.current = html;
        }, [html]);
        return createElement(tag, {...own, ref: node, dangerouslySetInnerHTML: first.current});
    }

    // Another tag is another element.
    window.spanledger_markup = {Markup: ({tag, attributes: own, html}) => createElement(Inside, {key: tag, tag, attributes: own, html})};
})();
