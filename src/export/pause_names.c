#include "pause_names.h"

#include <stdlib.h>

#include "../model/hash.h"
#include "../trace/array.h"
#include "facts.h"

static uint32_t
add(struct pause_names *names, uint32_t kind, uint64_t hash, uint32_t pause)
{
    void *pauses = names->pauses;
    if (names->count == PAUSE_NAMES_MAX)
        return 0;
    bool fits = array_make_room(&pauses, names->count, &names->room, sizeof *names->pauses);
    names->pauses = pauses;
    if (!fits || !id_map_put(&names->numbers, kind, hash, names->count)) {
        names->text.failed = true;
        return 0;
    }
    names->pauses[names->count++] = pause;
    return names->count;
}

uint32_t
pause_names_number(struct pause_names *names, const struct model *model, uint32_t pause)
{
    const struct pause *item = &model->pauses.items[pause];
    text_truncate(&names->text, 0);
    facts_pause_for(&names->text, model, item);
    if (!names->text.length || names->text.failed)
        return 0;
    uint32_t kind = facts_pause_waits(item);
    uint64_t hash = hash_name(0, (struct slice){names->text.data, names->text.length});
    const uint32_t *known = id_map_get(&names->numbers, kind, hash);
    return known ? *known + 1 : add(names, kind, hash, pause);
}

bool
pause_names_close(struct pause_names *names)
{
    bool failed = names->text.failed;
    free(names->pauses);
    id_map_free(&names->numbers);
    text_free(&names->text);
    *names = (struct pause_names){0};
    return !failed;
}
