#include "names.h"

#include "glob.h"
#include "text.h"

bool
names_hold(const struct names *names, struct slice name)
{
    bool any = false;
    for (uint32_t i = 0; i < names->count; i++)
        if (glob_matches(names->patterns[i], name)) {
            any = true;
            if (names->used)
                names->used[i] = true;
        }
    return any;
}

bool
names_hold_function(const struct names *names, struct slice module, struct slice qualname)
{
    struct text joined = {0};
    text_slice(&joined, module);
    text_string(&joined, ".");
    text_slice(&joined, qualname);
    bool any = names_hold(names, qualname);
    any |= names_hold(names, slice_after_last(qualname, '.'));
    if (module.length && !joined.failed)
        any |= names_hold(names, (struct slice){joined.data, joined.length});
    text_free(&joined);
    return any;
}
