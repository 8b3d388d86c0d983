/* html_style.c - how the tree looks: in a notebook as its theme is, light or dark. */
#include "html_writer.h"

#define DARK \
    "{--d:#9aa0a6;--g:#7ee2a0;--r:#ff8f87;--c:#7fd3e6;--h:#ffffff14;--m:#ffffff33;--rb:#ff8f8724;--gb:#7ee2a024}"

const char html_style[] =
    ".flowtrace{font:13px/1.55 var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);overflow-x:auto;"
    "--d:#6b7075;--g:#137333;--r:#c5221f;--c:#00687a;--h:#00000010;--m:#0000001c;--rb:#c5221f1c;--gb:#1373331c}"
    "body[data-jp-theme-light=false] .flowtrace,.vscode-dark .flowtrace,.vscode-high-contrast .flowtrace,"
    "html[theme=dark] .flowtrace" DARK
    ".flowtrace .d{color:var(--d)}.flowtrace .g{color:var(--g)}.flowtrace .r{color:var(--r)}"
    ".flowtrace .c{color:var(--c)}"
    ".flowtrace div,.flowtrace summary{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}"
    ".flowtrace .l,.flowtrace summary{display:flex;gap:1em;min-width:36em;padding-left:1.3em}"
    ".flowtrace summary{cursor:pointer;list-style:none}.flowtrace summary::-webkit-details-marker{display:none}"
    ".flowtrace summary::before{content:\"\\25b8\";width:1em;margin:0 -.7em 0 -1.3em;color:var(--d);flex:none}"
    ".flowtrace details[open]>summary::before{content:\"\\25be\"}"
    ".flowtrace .l:hover,.flowtrace summary:hover{background:var(--h)}"
    ".flowtrace .w{flex:1}.flowtrace .t{color:var(--d);white-space:pre;flex:none}"
    ".flowtrace details>:not(summary){margin-left:1.3em}"
    ".flowtrace .j,.flowtrace .n,.flowtrace .v{padding-left:1.3em;min-width:36em}.flowtrace .n{color:var(--d)}"
    ".flowtrace .v{border-left:2px solid var(--h)}"
    ".flowtrace .h{margin-bottom:.4em}.flowtrace .f{margin-top:.4em}"
    ".flowtrace .s{flex:none;white-space:pre;margin-right:-1em}"
    ".flowtrace .m>summary,.flowtrace .l.m{background:var(--rb)}"
    ".flowtrace .p>summary,.flowtrace .l.p{background:var(--gb)}"
    ".flowtrace .k{padding-left:1.3em}.flowtrace .k .s{margin:0}.flowtrace del,.flowtrace ins{text-decoration:none}"
    ".flowtrace del{color:var(--r)}.flowtrace ins{color:var(--g)}.flowtrace del b,.flowtrace ins b{background:var(--m)}"
    ".flowtrace .x>summary{font-style:italic;color:var(--d)}"
    ".flowtrace pre{margin:0;font:inherit;color:inherit;background:none;white-space:pre}";
