// The colour scheme, set before the first paint: "light", "dark", or "auto" for what the system says.
(function () {
    "use strict";
    const dark = matchMedia("(prefers-color-scheme: dark)");

    function stored() {
        try {
            return localStorage.getItem("spanledger-theme") || "auto";
        } catch {
            return "auto"; // storage may be forbidden; the theme then lasts as long as the page
        }
    }
    let choice = stored();

    function scheme() {
        if (choice !== "auto") return choice;
        return dark.matches ? "dark" : "light";
    }
    function apply() {
        document.documentElement.setAttribute("data-mantine-color-scheme", scheme());
        const button = document.getElementById("theme");
        if (!button) return;
        button.querySelector(".i").className = "i i-" + {auto: "sun-moon", light: "sun", dark: "moon"}[choice];
        button.setAttribute("aria-label", `Colour theme: ${choice}`);
        button.title = `Colour theme: ${choice}`;
    }
    apply();
    dark.addEventListener("change", () => {
        apply();
        window.dash_clientside?.set_props?.("mantine", {forceColorScheme: scheme()});
    });
    window.spanledgerTheme = {
        apply,
        scheme,
        next() {
            choice = {auto: "light", light: "dark", dark: "auto"}[choice];
            try {
                localStorage.setItem("spanledger-theme", choice);
            } catch {
                // as above
            }
            apply();
            window.dash_clientside.set_props("mantine", {forceColorScheme: scheme()});
        },
    };
})();
